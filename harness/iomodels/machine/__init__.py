"""What this computer is and what disturbs figures on it."""
