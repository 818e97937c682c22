"""The Home page: the live lens, the story that it tells, and the doors to the other pages."""
