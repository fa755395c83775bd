"""Differences between consecutive versions of an entity."""
