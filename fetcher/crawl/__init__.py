"""Executing a run: requests, pagination, follow-up requests."""
