"""What a mirror costs a month: bytes, objects, requests by class, and their price."""
