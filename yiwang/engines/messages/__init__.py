"""Engine messages."""
