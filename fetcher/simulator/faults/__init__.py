"""Faults that the simulated upstream injects."""
