"""Files on disk: records, runs, histograms."""
