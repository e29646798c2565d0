"""System acceptance."""
