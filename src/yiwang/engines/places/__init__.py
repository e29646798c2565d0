"""Engine places."""
