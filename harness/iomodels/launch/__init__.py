"""Starts programs, talks to them and leaves none behind."""
