"""Keyframes and row caches: what an as-of query starts from."""
