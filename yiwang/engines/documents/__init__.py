"""Engine documents."""
