"""Platform identity."""
