"""HR to LR: blur, noise, JPEG and downscaling for training on real photos."""
