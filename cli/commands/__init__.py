"""The commands of `hindlog`: a folder per subject, a module per noun."""
