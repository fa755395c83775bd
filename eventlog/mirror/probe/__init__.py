"""Probes of a bucket: whether it does what a mirror relies on, and what its key may do."""
