"""What our own tests stand on, shipped for those who test their rule packs."""
