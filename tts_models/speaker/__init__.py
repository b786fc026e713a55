"""Voices, and what a recording says about its speaker."""
