"""System evaluation."""
