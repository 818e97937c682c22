"""What every test of a page asks of it first."""

from streamlit.testing.v1 import AppTest


def checked(app: AppTest) -> AppTest:
    """The page as it is, when nothing was raised."""
    assert not app.exception, app.exception
    return app
