"""Systems for people's livelihood (民生)."""
