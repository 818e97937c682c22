"""Populations as images and as files: items drawn, data sets written and read, one thing changed."""
