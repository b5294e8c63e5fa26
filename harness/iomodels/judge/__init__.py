"""Pure functions on records: statistics, verdicts, comparisons."""
