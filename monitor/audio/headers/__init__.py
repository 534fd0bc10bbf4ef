"""Where the sound lies in a file, whatever its header says of that."""
