"""What training minimises: pixel, perceptual and adversarial losses (extra ``train``)."""
