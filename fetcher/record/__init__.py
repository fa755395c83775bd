"""Converting responses and decisions into events, and appending them."""
