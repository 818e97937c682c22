"""The live lens: a picture of a scene that follows the finger, drawn by the visitor's own browser."""
