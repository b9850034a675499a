"""Causeway on AWS: one module a purpose, put together in `app.py`."""
