"""Splitting a response into entities, here or in a process of its own."""
