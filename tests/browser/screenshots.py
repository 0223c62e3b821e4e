"""Pictures of a part of a page, small enough for README.md."""

import io

from PIL import Image

MARGIN = 8  # pixels
# Nothing that only helps somebody who works there: no buttons, no frame around the chosen cell.
STYLE = """
.jp-cell-toolbar, .jp-Collapser { visibility: hidden !important; }
.jp-Notebook-cell { border-color: transparent !important; box-shadow: none !important; }
.jp-Notebook .jp-InputArea-editor { border-color: #e0e0e0 !important; box-shadow: none !important; }
"""


def take_picture(page, path, first, last):
    """Write what stands from the element ``first`` down to ``last`` as a PNG with 256 colours."""
    page.mouse.move(0, 0)  # over a table it would change the colour of a row
    first.evaluate("element => element.scrollIntoView({block: 'center'})")
    a, b = first.bounding_box(), last.bounding_box()
    left, top = a["x"] - MARGIN, a["y"] - MARGIN
    right = max(a["x"] + a["width"], b["x"] + b["width"]) + MARGIN
    clip = {"x": left, "y": top, "width": right - left, "height": b["y"] + b["height"] - top}
    shot = page.screenshot(clip=clip, style=STYLE, animations="disabled")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(256).save(path, optimize=True)
