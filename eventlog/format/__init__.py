"""The file formats of the log: paths, events, lines, frames, manifests. Pure."""
