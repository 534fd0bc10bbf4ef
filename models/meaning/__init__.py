"""The small model behind `like`: how it is trained. Needs torch; see CARD.md."""
