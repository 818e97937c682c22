"""The Match page: a lens to be built by hand, scored by what of its image is left."""
