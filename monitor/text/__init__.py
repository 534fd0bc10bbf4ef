"""Written Mandarin: normal form, readings and words. Pure functions, heavy data loaded on first use."""
