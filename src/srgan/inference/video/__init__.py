"""Enlarge video files: frames stream from the decoder through the upscaler to the encoder."""
