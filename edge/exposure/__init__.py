"""What strangers, other sites and browsers may learn and do."""
