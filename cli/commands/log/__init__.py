"""Commands that read and check the log: `log`, `tail`, `segment`, `verify`, `repair`, `gaps`."""
