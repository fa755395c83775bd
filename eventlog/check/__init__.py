"""Verifies the log, reports gaps, repairs segments, accepts losses."""
