"""Figures of the city: declared once, computed for every division and period, compared with targets and with the usual, opened down to their rows."""
