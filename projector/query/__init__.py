"""Queries of the views: SQL, one entity, changes, drift, exports."""
