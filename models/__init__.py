"""The embedded recogniser and the recipe that trains it."""
