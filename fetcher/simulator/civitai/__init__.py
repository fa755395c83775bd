"""The simulated API of Civitai."""
