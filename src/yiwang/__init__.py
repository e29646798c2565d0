"""Yiwang (一网): a city's digital government as one piece of software."""
