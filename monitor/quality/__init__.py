"""Quality assurance over the store: imports, sampling, scorecards, figures and reports."""
