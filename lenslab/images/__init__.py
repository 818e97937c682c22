"""Scenes into images, images into files, and real images in."""
