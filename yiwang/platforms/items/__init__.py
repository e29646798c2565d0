"""Platform items."""
