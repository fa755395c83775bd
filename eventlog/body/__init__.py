"""Bodies: JSON bytes, their entities, their value hash. Pure."""
