"""Recordings made elsewhere become events."""
