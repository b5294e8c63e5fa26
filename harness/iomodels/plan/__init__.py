"""What a run is asked to measure, and in which order."""
