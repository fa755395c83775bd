"""The event log: writes events to hourly segments, seals, reads, verifies and repairs them."""
