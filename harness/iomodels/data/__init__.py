"""What lies on disk: records, runs, histograms."""
