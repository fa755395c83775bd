"""Questions to the views: SQL, one entity, changes, drift, exports."""
