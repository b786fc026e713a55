"""What outlives a restart and is the same on every replica: small records (presets, dictionaries, keys, jobs)."""
