"""Imports: responses that other programs recorded become events."""
