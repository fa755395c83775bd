"""Appending to a stream, sealing its segments, recovering it after a crash."""
