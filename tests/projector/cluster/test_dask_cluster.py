"""An update on a real Dask cluster: a scheduler and two worker processes on 127.0.0.1."""
