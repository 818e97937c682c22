"""What a network's answers are worth: metrics with their uncertainty."""
