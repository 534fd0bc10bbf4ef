"""Pages of the trainer's review: the call page, cases, appeals, calibration, rules."""
