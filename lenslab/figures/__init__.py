"""Records into plotly figures, one function a record.

Plotly takes what other libraries happen to be loaded, pandas above all, and takes one that another thread is still
loading as well ("partially initialized module 'pandas'"). So it is whole before a figure can be asked for.
"""

import pandas  # noqa: F401
