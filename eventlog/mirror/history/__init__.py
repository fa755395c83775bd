"""What the records of all pushers say, read from the bucket."""
