"""Pictures of text and graphics to train on beside photos: pages, screens, lettering, line art.

    python scripts/drawn_pages.py -o pages --count 80
    python scripts/drawn_pages.py -o pages-test --fonts test --count 12 --seed 1 --size 384

Photos hold little text, so that networks trained on them alone thin letters and break them. The
fonts are those that matplotlib brings along; the words mean nothing. The same seed draws the same
pictures. The second line's are for measuring, in other
styles of the same families.
"""

import argparse
import random
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONTS = {
    "train": [
        *(f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique", "Mono", "Mono-Bold")),
        *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic")),
        *("STIXGeneralItalic", "STIXGeneralBol"),
        *("cmr10", "cmss10", "cmtt10", "cmb10"),
    ],
    "test": ["STIXGeneral", "STIXGeneralBolIta", "DejaVuSansMono-Oblique", "cmti10"],
}
FINE = 2
"""Drawn so many times as large, then averaged: letters begin between pixels too."""
LEAST, MOST = 20, 80
"""Heights of letters in pixels, of lettering half as large again.

Below 5 pixels of a picture at a quarter, nothing can be read.
"""
SYLLABLES = (
    "an be con der et for ga his ing ju ki lo men no os pre qu ra st the un ve wi ex ly zo "
    "At Br Ch Do El Fr Gr Ha In Je Kr Le Ma No Or Pa Re Su To Ur Vi We Yo Ze"
)

Colour = tuple[int, int, int]
Canvas = ImageDraw.ImageDraw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True, help="a folder")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--size", type=int, default=512, help="width and height")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fonts", choices=FONTS, default="train", help="test: others")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for i in range(arguments.count):
        draw = random.Random(f"{arguments.seed} {i}")
        picture = KINDS[i % len(KINDS)](draw, arguments.size * FINE, FONTS[arguments.fonts])
        picture.reduce(FINE).save(arguments.output / f"{arguments.fonts}-{i:03}.png")


def words(draw: random.Random, count: int) -> str:
    """So many of them, some of them numbers."""
    out = []
    for _ in range(count):
        if draw.random() < 0.12:
            out.append(f"{draw.randrange(10000):,}")
        else:
            word = "".join(draw.choices(SYLLABLES.split(), k=draw.randint(1, 4)))
            out.append(word if draw.random() < 0.1 else word.capitalize())
            out[-1] += draw.choices(["", ",", ".", ":", "?", "!", ")"], [80, 8, 6, 2, 1, 1, 2])[0]
    return " ".join(w if draw.random() < 0.2 else w.lower() for w in out)


def font_of(draw: random.Random, fonts: list[str], height: float) -> ImageFont.FreeTypeFont:
    name = draw.choice(fonts)
    return ImageFont.truetype(Path(mpl.get_data_path()) / f"fonts/ttf/{name}.ttf", height)


def height(draw: random.Random, most: float = MOST) -> float:
    """Of letters on the fine canvas, small ones as often as large ones."""
    return float(FINE * LEAST * (most / LEAST) ** draw.random())


def colour(draw: random.Random, low: int = 0, high: int = 255) -> Colour:
    return draw.randint(low, high), draw.randint(low, high), draw.randint(low, high)


def dark_on_light(draw: random.Random) -> tuple[Colour, Colour]:
    """Ink and paper, three times in four nearly black on nearly white; or the other way round."""
    plain = draw.random() < 0.75
    ink, paper = ((0, 0, 0), (255, 255, 255)) if plain else (colour(draw, 0, 90), colour(draw, 170))
    if plain and draw.random() < 0.5:
        ink, paper = (draw.randint(0, 60),) * 3, (draw.randint(225, 255),) * 3
    return (paper, ink) if draw.random() < 0.25 else (ink, paper)


def page(draw: random.Random, side: int, fonts: list[str]) -> Image.Image:
    """Lines of text, each in one size; sometimes a little turned, as a scan is."""
    ink, paper = dark_on_light(draw)
    image = Image.new("RGB", (side, side), paper)
    canvas = ImageDraw.Draw(image)
    y = draw.uniform(0, 20)
    while y < side:
        font = font_of(draw, fonts, height(draw))
        for _ in range(draw.randint(1, 5)):
            canvas.text((draw.uniform(0, 40), y), words(draw, 14), fill=ink, font=font)
            y += font.size * draw.uniform(1.1, 1.4)
        if draw.random() < 0.3:
            canvas.line((0, y, side, y), fill=ink, width=draw.randint(FINE, 3 * FINE))
        y += draw.uniform(0, 30)
    if draw.random() < 0.3:
        image = image.rotate(draw.uniform(-8, 8), Image.Resampling.BICUBIC, fillcolor=paper)
    return image


def screen(draw: random.Random, side: int, fonts: list[str]) -> Image.Image:
    """Panels, buttons and fields with their words: nothing but flat colours."""
    image = Image.new("RGB", (side, side), colour(draw, 190))
    canvas = ImageDraw.Draw(image)
    for _ in range(14):
        x, y = draw.uniform(-0.1, 0.8) * side, draw.uniform(-0.05, 0.95) * side
        font = font_of(draw, fonts, height(draw, MOST / 2))
        ink, face = dark_on_light(draw)
        if draw.random() < 0.5:
            face = colour(draw)
            ink = (255, 255, 255) if sum(face) < 360 else (0, 0, 0)
        box = (x, y, x + draw.uniform(0.2, 0.9) * side, y + font.size * draw.uniform(1.4, 4))
        canvas.rounded_rectangle(
            box,
            radius=draw.choice([0, 0, 8 * FINE, 16 * FINE]),
            fill=face,
            outline=draw.choice([None, ink, colour(draw)]),
            width=draw.randint(1, 3) * FINE,
        )
        canvas.text((x + font.size / 2, y + font.size / 5), words(draw, 4), fill=ink, font=font)
    return image


def lettering(draw: random.Random, side: int, fonts: list[str]) -> Image.Image:
    """Large words with an outline on soft colours, as on posters, signs and captions."""
    few = Image.new("RGB", (4, 4))
    low = draw.randrange(146)
    few.putdata([colour(draw, low, low + 110) for _ in range(16)])
    image = few.resize((side, side), Image.Resampling.BICUBIC)
    canvas = ImageDraw.Draw(image)
    y = 0.0
    while y < side:
        font = font_of(draw, fonts, height(draw) * 1.5)
        ink = draw.choice([(255, 255, 255), (0, 0, 0), colour(draw)])
        rim = draw.choice([0, 0, FINE, 3 * FINE])
        around = (0, 0, 0) if sum(ink) > 380 else (255, 255, 255)
        text = words(draw, 6).upper() if draw.random() < 0.4 else words(draw, 6)
        place = (draw.uniform(-60, 60), y)
        canvas.text(place, text, fill=ink, font=font, stroke_width=rim, stroke_fill=around)
        y += font.size * draw.uniform(1.2, 1.8)
    return image


def line_art(draw: random.Random, side: int, fonts: list[str]) -> Image.Image:
    """Outlines, hatching and flat fills, as in drawings, charts and comics."""
    ink, paper = dark_on_light(draw)
    image = Image.new("RGB", (side, side), paper)
    canvas = ImageDraw.Draw(image)
    for _ in range(24):
        x, y = draw.uniform(-0.2, 1) * side, draw.uniform(-0.2, 1) * side
        box = (x, y, x + draw.uniform(0.05, 0.6) * side, y + draw.uniform(0.05, 0.6) * side)
        width = draw.randint(1, 5) * FINE
        fill = draw.choice([None, None, paper, colour(draw), colour(draw)])
        match draw.randrange(5):
            case 0:
                canvas.ellipse(box, fill=fill, outline=ink, width=width)
            case 1:
                points = [(draw.uniform(x, box[2]), draw.uniform(y, box[3])) for _ in range(5)]
                canvas.polygon(points, fill=fill, outline=ink, width=width)
            case 2:
                canvas.arc(box, draw.uniform(0, 360), draw.uniform(0, 360), fill=ink, width=width)
            case 3:
                step, lean = draw.uniform(5, 14) * FINE, draw.uniform(-200, 200)
                for k in range(20):
                    at = x + k * step
                    canvas.line((at, y, at + lean, box[3]), fill=ink, width=width // 2)
            case _:
                font = font_of(draw, fonts, height(draw, MOST / 2))
                canvas.text((x, y), words(draw, 2), fill=ink, font=font)
    return image.filter(ImageFilter.BoxBlur(FINE / 2)) if draw.random() < 0.2 else image


KINDS: list[Callable[[random.Random, int, list[str]], Image.Image]] = [
    page,
    screen,
    lettering,
    line_art,
]


if __name__ == "__main__":
    main()
