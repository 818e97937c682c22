"""For teachers: the app on the local network, a lesson, sheets to print, and a code for a class."""
