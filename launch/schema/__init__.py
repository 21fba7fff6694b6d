"""The sections of a campaign file, one module each: pydantic models, strict and frozen.

The names carry the units (``temperatures_K``), the docstring under a field is its description in the
JSON Schema and in messages.
"""
