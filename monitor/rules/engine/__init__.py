"""Rules at work on a call."""
