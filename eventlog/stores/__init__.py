"""Object stores: maps from '/'-separated names to bytes, in memory, in a folder, in a bucket."""
