"""The plan of a run: its measurements and their order."""
