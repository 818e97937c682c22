"""Records into plotly figures, one function a record."""
