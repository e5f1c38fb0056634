"""``srgan serve``: an HTTP API and a web page."""
