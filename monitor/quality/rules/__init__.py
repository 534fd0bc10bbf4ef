"""What reviewers' verdicts say of rules."""
