"""The simulated API of OpenRouter."""
