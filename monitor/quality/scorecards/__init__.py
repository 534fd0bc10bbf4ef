"""Scorecards: filled in, settled, kept."""
