"""Progress of a command: one line on a terminal, a line per minute elsewhere, one on SIGUSR1."""
