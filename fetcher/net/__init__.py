"""One HTTP request: limits, retries, request rate, circuit breaker."""
