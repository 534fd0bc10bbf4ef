"""The store: calls and everything later work adds to them, in SQLite or PostgreSQL."""
