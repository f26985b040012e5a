"""What a caller may see and do: identity, privileges, batched sources of data. Knows no GraphQL."""
