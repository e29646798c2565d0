"""Engine indicators."""
