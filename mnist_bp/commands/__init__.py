"""The commands: what each takes, which calls it makes, and what it shows."""
