"""Pixels in and out: pictures, files, metadata, colour, resampling. Knows no network."""
