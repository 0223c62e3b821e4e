"""The gates of one image at every depth of a network."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from torch import Tensor

from .pictures import as_picture
from .style import COLOURS, bare, panels


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


def _short(name: str) -> str:
    """Return the place in the network without the word that every place has."""
    return name.replace(".attention", "")
