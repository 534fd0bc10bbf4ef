"""Rule packs: the language (`model`), reading it (`load`), and running it (`session`)."""
