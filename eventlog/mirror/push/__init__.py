"""Pushes what was sealed into the bucket, and commits it."""
