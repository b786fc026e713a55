"""Measures any server of OpenAI's speech API, from outside: it speaks HTTP and imports nothing else of this project."""
