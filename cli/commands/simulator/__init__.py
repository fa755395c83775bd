"""Commands that use the simulated upstream: `simulate` and `demo`."""
