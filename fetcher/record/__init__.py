"""Converting responses and state changes of runs into events, and appending these."""
