"""Files that are absent: only the mirror of an archive has them until somebody reads them."""
