"""One chart per file, and the house style they share."""
