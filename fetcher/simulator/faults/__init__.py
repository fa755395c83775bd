"""Faults of the simulated upstream."""
