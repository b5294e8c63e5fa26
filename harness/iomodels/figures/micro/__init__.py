"""The figures of micro runs."""
