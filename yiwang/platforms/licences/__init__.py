"""Platform licences."""
