"""Pictures: images, maps, overlays, small matrices of numbers, and a network's gates beside the image."""

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from .style import COLOURS, SIGNED_MAP, as_array, bare, panels


def show_images(
    images: Tensor | Sequence[Tensor],
    titles: Sequence[str] = (),
    *,
    columns: int = 6,
    masks: Tensor | None = None,
    boxes: Tensor | None = None,
    size: float = 1.7,
    title: str = "",
) -> Figure:
    """Show colour images in a grid, with the outline of a mask or a box on each where given.

    Args:
        images: (n, 3, H, W), uint8 or floating point in [0, 1]; or a list of (3, H, W) of different sizes.
        titles: one short text for each image.
        columns: images in a row.
        masks: (n, H, W) bool; their outline is drawn.
        boxes: (n, 4) as xyxy in pixels, half-open.
        size: side of one image in inches.
        title: text above the whole figure.
    """
    count = len(images)
    columns = min(columns, count)
    with panels(ceil(count / columns), columns, width=size, height=size * 1.12, title=title) as (
        figure,
        axes,
    ):
        for axis in axes:
            axis.set_axis_off()
        for number, (axis, image) in enumerate(zip(axes, images, strict=False)):
            axis.imshow(as_picture(image))
            bare(axis, titles[number] if number < len(titles) else "")
            if masks is not None:
                _outline(axis, masks[number])
            if boxes is not None:
                _box(axis, boxes[number])
    return figure


def show_maps(
    maps: Tensor | Sequence[Tensor],
    titles: Sequence[str] = (),
    *,
    columns: int = 6,
    limits: tuple[float, float] | None = None,
    signed: bool = False,
    masks: Tensor | None = None,
    size: float = 1.7,
    title: str = "",
) -> Figure:
    """Show single-channel maps in a grid on one common scale, with a bar that says what the colours mean.

    Args:
        maps: (n, H, W), or a list of (H, W).
        limits: lowest and highest value of the scale; the maps' own by default.
        signed: centre the scale at 0 and use two colours.
        masks: (n, H, W) bool; their outline is drawn.
    """
    arrays = [as_array(m) for m in maps]
    columns = min(columns, len(arrays))
    low, high = limits or (min(float(m.min()) for m in arrays), max(float(m.max()) for m in arrays))
    if signed:
        high = max(abs(low), abs(high))
        low = -high
    scale = {"vmin": low, "vmax": high, **({"cmap": SIGNED_MAP} if signed else {})}
    rows = ceil(len(arrays) / columns)
    height = size * _tallest(arrays) + 0.25
    with panels(rows, columns, width=size * 1.08, height=height, title=title) as (figure, axes):
        for axis in axes:
            axis.set_axis_off()
        for number, (axis, values) in enumerate(zip(axes, arrays, strict=False)):
            drawn = axis.imshow(values, **scale)
            bare(axis, titles[number] if number < len(titles) else "")
            if masks is not None:
                _outline(axis, masks[number])
        figure.colorbar(drawn, ax=axes, shrink=0.8, pad=0.02)
    return figure


def show_overlay(
    image: Tensor, values: Tensor, *, mask: Tensor | None = None, titles=("image", "map", "overlay"), size=2.4
) -> Figure:
    """Show an image, a map of it, and the map laid over the image in half transparency.

    Args:
        image: (3, H, W), uint8 or floating point in [0, 1].
        values: (h, w); enlarged to the image's size, each value over the pixels it stands for.
        mask: (H, W) bool; its outline is drawn.
    """
    array = as_array(values)
    extent = (-0.5, image.shape[-1] - 0.5, image.shape[-2] - 0.5, -0.5)
    with panels(1, 3, width=size * 1.1, height=size * _tallest([image]) + 0.25) as (figure, axes):
        axes[0].imshow(as_picture(image))
        drawn = axes[1].imshow(array, extent=extent)
        axes[2].imshow(as_picture(image))
        axes[2].imshow(array, extent=extent, alpha=0.55)
        for axis, text in zip(axes, titles, strict=True):
            bare(axis, text)
            if mask is not None:
                _outline(axis, mask)
        figure.colorbar(drawn, ax=axes[1], shrink=0.8)
    return figure


def show_numbers(
    grids: Tensor | Sequence[Tensor], titles: Sequence[str] = (), *, size=1.6, title=""
) -> Figure:
    """Show small matrices with their numbers written into the cells, on one common scale.

    Args:
        grids: (n, h, w), or a list of (h, w); at most about 8 × 8 each.
    """
    arrays = [as_array(g) for g in grids]
    low, high = min(float(g.min()) for g in arrays), max(float(g.max()) for g in arrays)
    with panels(1, len(arrays), width=size, height=size * 1.15, title=title) as (figure, axes):
        for number, (axis, grid) in enumerate(zip(axes, arrays, strict=True)):
            axis.imshow(grid, vmin=low, vmax=high)
            bare(axis, titles[number] if number < len(titles) else "")
            for (row, column), value in zip(
                torch.cartesian_prod(*map(torch.arange, grid.shape)).tolist(),
                grid.flatten().tolist(),
                strict=True,
            ):
                dark = value < low + 0.6 * (high - low)
                axis.text(
                    column, row, f"{value:.3g}", ha="center", va="center", color="white" if dark else "black"
                )
    return figure


def show_glance(
    image: Tensor,
    answer: Tensor,
    *,
    channel: Tensor | None = None,
    spatial: Tensor | None = None,
    classes: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Show a picture, the gates of one block on it, and the answer, side by side.

    Args:
        image: (3, H, W), uint8 or floating point in [0, 1].
        answer: logits, (K,) of classes or (H, W) of pixels.
        channel: (C,), one factor per channel.
        spatial: (h, w), one factor per position.
        classes: K names.
        title: text above the whole figure.
    """
    count = 2 + sum(gate is not None for gate in (channel, spatial))
    with panels(1, count, width=2.6, height=2.5, title=title) as (figure, axes):
        axes[0].imshow(as_picture(image))
        bare(axes[0], "picture")
        rest = iter(axes[1:])
        if channel is not None:
            axis = next(rest)
            axis.bar(range(len(channel)), channel.tolist(), color=COLOURS[0])
            axis.set(ylim=(0, 1), title="channel gate", xlabel="channel")
        if spatial is not None:
            axis = next(rest)
            drawn = axis.imshow(as_array(spatial), vmin=0, vmax=1)
            bare(axis, "spatial gate")
            figure.colorbar(drawn, ax=axis, shrink=0.8)
        _answer(figure, next(rest), answer.detach().float().cpu(), classes)
    return figure


def show_depths(image: Tensor, gates: Mapping[str, Tensor], *, number: int = 0, size: float = 2.1) -> Figure:
    """Show an image, and below it every gate that ran on it, from the first layer to the last.

    Channel gates are bars, spatial gates maps over the image; all on one scale from 0 to 1.

    Args:
        image: (3, H, W), uint8 or floating point in [0, 1].
        gates: name -> gate (N, C, 1, 1) or (N, 1, h, w), as
            :func:`cbam_course.inspection.capture.gates_by_depth` returns them.
        number: which of the N images it is.
        size: side of a panel in inches.
    """
    extent = (-0.5, image.shape[-1] - 0.5, image.shape[-2] - 0.5, -0.5)
    columns = min(4, 1 + len(gates))
    rows = -(-(1 + len(gates)) // columns)
    with panels(rows, columns, width=size * 1.15, height=size * 1.15) as (figure, axes):
        for axis in axes[1 + len(gates) :]:
            axis.set_axis_off()
        axes[0].imshow(as_picture(image))
        bare(axes[0], "image")
        for axis, (name, gate) in zip(axes[1:], gates.items(), strict=False):
            values = gate[number].detach().float().cpu()
            if len(values) > 1:
                axis.bar(range(len(values)), values.flatten().tolist(), color=COLOURS[0])
                axis.set(ylim=(0, 1), xlabel="channel")
                axis.set_title(_short(name))
                continue
            axis.imshow(as_picture(image))
            drawn = axis.imshow(values[0].numpy(), vmin=0, vmax=1, alpha=0.65, extent=extent)
            bare(axis, _short(name))
            figure.colorbar(drawn, ax=axis, shrink=0.8)
    return figure


def as_picture(image: Tensor) -> np.ndarray:
    """Return (3, H, W) in [0, 255] or [0, 1] as an array (H, W, 3) that matplotlib draws."""
    image = image.detach().cpu()
    if image.is_floating_point():
        image = image.float().clamp(0, 1)
    return image.movedim(0, -1).numpy()


def _tallest(pictures) -> float:
    """Return the largest ratio of height to width, so that rows are no taller than needed."""
    return max(picture.shape[-2] / picture.shape[-1] for picture in pictures)


def _outline(axis, mask: Tensor) -> None:
    """Draw the edge of a mask in white on black, visible on any ground."""
    for colour, width in (("black", 2.4), ("white", 1.1)):
        axis.contour(as_array(mask), levels=[0.5], colors=colour, linewidths=width)


def _box(axis, box: Tensor) -> None:
    left, top, right, bottom = (float(edge) - 0.5 for edge in box)
    xs, ys = [left, right, right, left, left], [top, top, bottom, bottom, top]
    axis.plot(xs, ys, color="black", lw=2.6)
    axis.plot(xs, ys, color="white", lw=1.2)


def _answer(figure: Figure, axis, answer: Tensor, classes: Sequence[str] | None) -> None:
    if answer.ndim == 2:
        drawn = axis.imshow(answer.sigmoid().numpy(), vmin=0, vmax=1)
        bare(axis, "answer: is it marked?")
        figure.colorbar(drawn, ax=axis, shrink=0.8)
        return
    names = list(classes) if classes else [f"class {number}" for number in range(len(answer))]
    axis.barh(names, answer.softmax(0).tolist(), color=COLOURS[1])
    axis.invert_yaxis()
    axis.set(xlim=(0, 1), title="answer")


def _short(name: str) -> str:
    """Return the place in the network without the word that every place has."""
    return name.replace(".attention", "")
