"""Response bodies: JSON bytes, the entities in them, and their value hash. Pure."""
