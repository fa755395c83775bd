"""What is sealed and not in the bucket, and in which order it is pushed. No request."""
