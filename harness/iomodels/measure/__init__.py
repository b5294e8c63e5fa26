"""Make records: runs, searches, tunings, micro-benchmarks, laws."""
