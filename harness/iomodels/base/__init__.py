"""Basics that every other part of the harness may import."""
