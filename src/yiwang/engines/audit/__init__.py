"""Engine audit."""
