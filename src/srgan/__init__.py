"""Photo-realistic single-image super-resolution (SRGAN, https://arxiv.org/abs/1609.04802)."""

__version__ = "0.1.0"
