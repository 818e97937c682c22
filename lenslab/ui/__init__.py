"""Streamlit pieces that pages share; the only place beside app.py and pages/ that knows Streamlit."""
