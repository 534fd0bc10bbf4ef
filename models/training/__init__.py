"""Training recipe of the embedded Mandarin recogniser (`python -m models.training --help`)."""
