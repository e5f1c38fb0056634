"""The networks, as PyTorch modules that read like the papers' figures (extra ``train``)."""
