"""Configuration: defaults, hindlog.toml, environment."""
