"""The projector: replays the log into Parquet parts and DuckDB views."""
