"""Indexes over the log that can be rebuilt: stored bodies, run queue, presence, imports."""
