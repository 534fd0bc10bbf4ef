"""The sockets of `monitor serve --ingest`: docs/telephony.md."""
