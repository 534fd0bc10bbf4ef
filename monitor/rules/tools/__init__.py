"""What people do with rules: try, explain, replay, back-test, count coverage."""
