"""Simulated upstream: serves both APIs on 127.0.0.1, determined by a seed and a clock."""
