"""What every page about a trained network lets its visitor choose: networks of its task, and an image for them."""
