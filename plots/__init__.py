"""Figures of a run: one script a question, all in the style of `plots.style`. They read records and launch nothing."""
