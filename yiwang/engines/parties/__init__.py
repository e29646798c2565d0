"""Engine parties."""
