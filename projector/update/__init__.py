"""Updates, rebuilds and checks the views, and compares definitions."""
