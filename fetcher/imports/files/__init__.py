"""Files with recordings: which are read, how they are decompressed, and what packs contain."""
