"""Which calls people review: plans and the review queue."""
