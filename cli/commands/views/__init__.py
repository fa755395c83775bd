"""Commands that read and build the views: `sql`, `export`, `show`, `changes`, `view` and others."""
