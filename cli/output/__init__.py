"""What is printed: rows, events, progress, errors."""
