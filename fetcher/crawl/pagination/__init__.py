"""Pagination: a listing is requested page by page, past what obstructs it."""
