"""Engine registers."""
