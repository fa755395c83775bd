"""Puts exports of views into the bucket, beside the mirror of the log."""
