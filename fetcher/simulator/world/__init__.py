"""The deterministic world that both simulated APIs show."""
