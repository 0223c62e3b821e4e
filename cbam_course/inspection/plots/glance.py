"""One still picture of attention at work: what a network is shown, what its gates let through, what it answers."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from .pictures import as_picture
from .style import COLOURS, bare, panels


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
            drawn = axis.imshow(spatial.detach().float().cpu().numpy(), vmin=0, vmax=1)
            bare(axis, "spatial gate")
            figure.colorbar(drawn, ax=axis, shrink=0.8)
        _answer(figure, next(rest), answer.detach().float().cpu(), classes)
    return figure


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
