"""Lets ComfyUI's own "Load Upscale Model" read srgan's networks: no new node appears.

Copy this folder to ComfyUI/custom_nodes/srgan, and put srgan into ComfyUI's Python.
"""

from srgan.integrations.spandrel import install

install()

NODE_CLASS_MAPPINGS: dict[str, type] = {}
