"""What other programs call an option, for who comes from them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from typer.core import TyperCommand

# Real-ESRGAN, realesrgan-ncnn-vulkan, upscayl, waifu2x, video2x.
OURS = {
    **dict.fromkeys(("-i", "--input"), "files are given without an option"),
    **dict.fromkeys(("-n", "--model-name", "--model-path"), "here it is --model"),
    **dict.fromkeys(("--outscale", "--upscale", "-z"), "here it is --scale"),
    **dict.fromkeys(("-t", "--tile-size"), "here it is --tile"),
    **dict.fromkeys(
        ("--tile-pad", "--tile-overlap", "--overlap", "--pre-pad"),
        "tiles overlap as far as needed; --exact makes it exact",
    ),
    **dict.fromkeys(("-g", "-d", "--gpu", "--gpu-id"), "here it is --device"),
    **dict.fromkeys(("--fp32", "--fp16", "--half"), "here it is --precision"),
    **dict.fromkeys(("-f", "--ext"), "here it is --format"),
    **dict.fromkeys(("-x", "--tta"), "put a + behind the model's name: --model srresnet+"),
    **dict.fromkeys(("-w", "--width", "--height"), "here it is --size WxH or --long-edge"),
    **dict.fromkeys(("-c", "--compression"), "here it is --quality"),
    "-j": "here it is --threads or --workers",
    "--suffix": "name the result with --output, a folder's with --name",
    "--skip-existing": "here it is --resume",
    **dict.fromkeys(("-y", "--force"), "here it is --overwrite"),
}


class Hinting(TyperCommand):
    """A command that names its own option where another program's is given, and ``./-file``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As its parent does."""
        everything = list(args)
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            for file in (a for a in everything if a.startswith("-") and Path(a).is_file()):
                message = f"{file} is taken for options; name the file ./{file}"
                vars(error).update(message=message, possibilities=None)
                raise
            given = str(getattr(error, "option_name", None)).replace("_", "-")
            hint = OURS.get(given, "")
            known = {name for parameter in self.params for name in parameter.opts}
            if hint and known.issuperset(re.findall("--[a-z-]+", hint)):
                vars(error).update(message=f"No such option: {given}; {hint}", possibilities=None)
            raise
