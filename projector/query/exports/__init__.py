"""Exports of views to files that other tools read."""
