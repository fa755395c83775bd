"""The log: events in hourly segments, written, sealed, read back, verified."""
