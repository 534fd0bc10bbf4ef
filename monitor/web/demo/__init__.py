"""`monitor serve --demo`: everything there is to see, a minute after the install."""
