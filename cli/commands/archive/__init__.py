"""Commands about an archive as a whole: `init`, `status`, `doctor`, `config`."""
