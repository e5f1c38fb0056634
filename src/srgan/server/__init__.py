"""A web page and an HTTP API for the upscalers.

A picture's way: :mod:`app` (routes) → :mod:`uploads` (the form, onto disk) → :mod:`decoder` (a
limited child process) → :mod:`jobs` (the queue) → :mod:`lane` (the one child that computes).
The process that talks to clients never touches pixels.
"""
