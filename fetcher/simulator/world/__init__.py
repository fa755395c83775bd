"""The deterministic world behind both simulated APIs."""
