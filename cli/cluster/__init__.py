"""Runs the work of an update on a cluster, with the mirror where workers share no folder."""
