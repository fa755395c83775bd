"""Verifying the log, reporting gaps, repairing it."""
