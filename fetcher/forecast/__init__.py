"""Forecasts: what a sync will request, and what is left of backfills."""
