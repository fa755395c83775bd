"""Parts: the rows of one definition over a list of segments."""
