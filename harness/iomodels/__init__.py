"""Plans, runs, records and judges the measurements of iomodels."""

__version__ = "0.1.0"
