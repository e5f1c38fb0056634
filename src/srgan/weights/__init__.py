"""Weights files: their self-describing format and the catalog of published models."""
