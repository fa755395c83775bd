"""The format of the log: paths, events, lines, frames, manifests. Pure."""
