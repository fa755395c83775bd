"""Reading the log: a range, a tail, one event, one response."""
