"""Figures, tables and documents of a period."""
