"""Files of an archive: segments, heads, locks, losses, assets, and durable changes of files."""
