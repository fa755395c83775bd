"""The commands of `hindlog fetch`."""
