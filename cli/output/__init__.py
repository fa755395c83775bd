"""Output: rows, events, progress and errors."""
