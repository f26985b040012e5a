"""What is written outside a caller's scope by its nature: a few named functions, each of which says why."""
