"""What lies on disk: segments, heads, locks, assets, and how a file is published."""
