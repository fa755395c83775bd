"""Commands about the mirror."""
