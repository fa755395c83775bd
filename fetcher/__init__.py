"""The network: sources, crawl, import, and the built-in upstream."""
