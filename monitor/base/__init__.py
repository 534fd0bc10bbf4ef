"""What everything stands on: errors, words, files, the call record."""
