"""Breadth-first execution: an operation compiled once into a plan, run a level at a time.

Knows GraphQL types, declarations and batches, and nothing of what they are about.
"""
