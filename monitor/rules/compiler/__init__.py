"""From packs to a rulebook that can be run."""
