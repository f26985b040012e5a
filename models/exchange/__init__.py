"""Import and export: what stands in files becomes rows, and rows become the same files again."""
