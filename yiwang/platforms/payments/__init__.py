"""Platform payments."""
