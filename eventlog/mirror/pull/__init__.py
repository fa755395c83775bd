"""Pulls what is committed in the bucket into a folder."""
