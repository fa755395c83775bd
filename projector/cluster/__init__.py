"""A cluster: workers on other machines do the independent work of an update."""
