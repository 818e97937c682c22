"""What stands behind the pages: the words explained, and the physics in formulas."""
