"""Written Mandarin: normal form, readings and words. Pure functions; data loads on first use."""
