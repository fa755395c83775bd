"""Frees the local copies of sealed files that the mirror is confirmed to have."""
