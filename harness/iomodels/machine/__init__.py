"""This computer and its disturbances."""
