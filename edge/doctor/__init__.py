"""What `canopy doctor` looks at."""
