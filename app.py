"""lenslab in a browser: `streamlit run app.py`."""

from pathlib import Path

from lenslab.ui.frame import open_frame

open_frame(Path(__file__).parent)
