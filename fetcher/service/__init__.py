"""Syncs by schedule, and the queue commands."""
