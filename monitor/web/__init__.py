"""The server: pages, JSON API and WebSockets over the store. Imported by `monitor serve` alone."""
