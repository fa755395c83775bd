"""The generated pages about configuration, sources and the man page. `make docs` writes them."""
