"""Buckets as stores: what R2 and other S3 servers need, behind one module for the library."""
