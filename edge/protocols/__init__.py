"""The ways in which clients send operations and are answered."""
