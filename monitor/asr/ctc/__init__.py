"""The streaming CTC recogniser: features, network, decoder, spelling, keyword spotting."""
