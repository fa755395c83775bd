"""The bucket of an archive, as commands open it and report on it."""
