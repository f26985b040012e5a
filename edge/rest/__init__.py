"""REST: saved operations under addresses of their own, run as any operation is."""
