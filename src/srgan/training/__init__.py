"""Training: data, pixel pre-training, GAN training, checkpoints, logs (extra ``train``)."""
