"""Pushes to the mirror: once, again and again, beside a crawl; and what they cost."""
