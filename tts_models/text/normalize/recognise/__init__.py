"""Recognisers: each finds one kind of non-standard word at a given place and says it through a grammar."""
