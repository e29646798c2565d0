"""Engine procedures."""
