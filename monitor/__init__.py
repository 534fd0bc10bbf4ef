"""Real-time speech analytics and script compliance for Mandarin call centres."""
