"""Writes what was measured for people and programs."""
