"""Catalog: what the folders and manifests of the log say of each segment, kept in `state/`."""
