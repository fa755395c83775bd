"""Checks that a bucket contains what is committed in it, and nothing else."""
