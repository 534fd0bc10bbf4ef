"""What a sentence means, beside how it sounds: clauses, an encoder, small classifiers.

    encoder = load()
    features = encoder.features(["这事儿不归我们管"])
    head = fit(features_of_examples, labels)

Everything is numpy on one core, offline and deterministic. `models/meaning/CARD.md`
says how it was trained.
"""

from monitor.language.meaning.encoder import Encoder, load, spelling_grams

__all__ = ["Encoder", "load", "spelling_grams"]
