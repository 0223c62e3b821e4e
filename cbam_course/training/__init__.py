"""Training, and reading what came out of it."""
