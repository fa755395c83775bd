"""Differences between neighbouring versions."""
