"""Keeping the views up to date with the log, rebuilding and checking them."""
