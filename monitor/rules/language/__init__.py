"""The rule language: packs as written, read with file, line and column."""
