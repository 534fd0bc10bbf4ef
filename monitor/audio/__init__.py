"""Sources of `Chunk`s: recorded calls (`file`) and capture devices (`headset`)."""
