"""SQL on a terminal: a prompt of our own, or the program duckdb."""
