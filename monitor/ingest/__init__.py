"""Calls that a telephone system delivers: legs in, one call out. See docs/telephony.md."""
