"""The built-in upstream: speaks both APIs on 127.0.0.1, from a seed and a clock."""
