"""Output for people on a terminal: tables, changes, colors and the pager."""
