"""Reads the log: events of a range, a tail, single events, complete responses."""
