"""The phone's shell (现场): installable, works without a network. Today's tasks, the queue of what is not sent yet, and what the service worker needs."""
