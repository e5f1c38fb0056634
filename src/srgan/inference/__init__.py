"""Running models: the Upscaler protocol, runtimes, tiles, whole pictures."""
