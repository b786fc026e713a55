"""Measurements. Everything here is run by a person; nothing here runs in the test suite."""
