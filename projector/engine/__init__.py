"""DuckDB: connections, errors, worker threads, SQL templates, Parquet files."""
