"""Real images: files in, what they hold told by their headers, made to fit what networks know."""
