"""The responses that a recorded document contains, and what is not recognised in it."""
