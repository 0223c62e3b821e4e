"""Causal tests: replace a gate by another one and see what happens to the score.

A map that looks right proves nothing. If the score stays when the map is replaced by its mean, the network did not
need the map. A gate whose positions are exchanged is a harder test: it takes the information and adds a false one.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pandas as pd
import torch
from torch import Tensor, nn

from ..data.photos import to_float
from ..statistics import mean_interval
from .capture import replace_gate_methods
from .mirror import as_it_stands

Change = Callable[[Tensor, torch.Generator], Tensor]


def gate_mean(gate: Tensor, generator: torch.Generator) -> Tensor:
    """Replace each image's gate by one number, its mean over the channels or positions."""
    return gate.mean(dim=(1, 2, 3), keepdim=True).expand_as(gate)


def other_image(gate: Tensor, generator: torch.Generator) -> Tensor:
    """Give each image the gate of the image before it in the batch, the first one that of the last."""
    return gate.roll(1, 0)


def permuted(gate: Tensor, generator: torch.Generator) -> Tensor:
    """Exchange the positions, or the channels, of each image's gate at random."""
    flat = gate.flatten(1)
    order = torch.rand(flat.shape, generator=generator).argsort(dim=1).to(gate.device)
    return flat.gather(1, order).view_as(gate)


def complement(gate: Tensor, generator: torch.Generator) -> Tensor:
    """Let through what was held back: one minus the gate."""
    return 1 - gate


CHANGES: dict[str, Change] = {
    "mean": gate_mean,
    "another image's": other_image,
    "permuted": permuted,
    "complement": complement,
}


@contextmanager
def changed_gates(
    model: nn.Module, change: Change, *, kind: str | None = None, seed: int = 0
) -> Iterator[nn.Module]:
    """Let the gates of ``model`` return something else while the context is open.

    Args:
        model: any module in which ``gate(x)`` of some submodules is what they multiply by, as in ours and timm's.
        change: ``(gate, generator) -> gate`` of the same shape, such as those in :data:`CHANGES`.
        kind: ``"channel"`` (gates (N, C, 1, 1)), ``"spatial"`` (gates (N, 1, H, W)), or ``None`` for both.
        seed: of the generator.

    Raises:
        ValueError: no submodule has a gate, an unknown kind, or a change of shape.
    """
    if kind not in (None, "channel", "spatial"):
        raise ValueError(f"kind is {kind!r}; choose 'channel', 'spatial', or None for both.")
    generator = torch.Generator().manual_seed(seed)

    def wrap(gate: Callable, name: str) -> Callable:
        def changed_gate(*args, **kwargs):
            value = gate(*args, **kwargs)
            if kind is not None and kind != kind_of(value):
                return value
            result = change(value, generator)
            if result.shape != value.shape:
                raise ValueError(
                    f"the change made of the gate of {name!r}, {tuple(value.shape)}, the shape {tuple(result.shape)}"
                    "; return the same shape."
                )
            return result

        return changed_gate

    with ExitStack() as undo:
        if not replace_gate_methods(model, wrap, undo):
            raise ValueError(
                f"model is a {type(model).__name__} in which no module has a gate(x) method, so there is nothing to "
                "change; let your class compute its gate in such a method."
            )
        yield model


def kind_of(gate: Tensor) -> str:
    """Return ``"spatial"`` for a gate with one channel (N, 1, H, W), else ``"channel"``."""
    return "spatial" if gate.shape[1] == 1 else "channel"


def measure_changes(
    models: nn.Module | Sequence[nn.Module],
    images: Tensor,
    targets: Tensor,
    metric: Callable[[Tensor, Tensor], Tensor],
    *,
    changes: dict[str, Change] | None = None,
    kind: str | None = None,
    batch_size: int = 256,
    seed: int = 0,
) -> pd.DataFrame:
    """Return what each change of the gates does to the score, with intervals over images and over networks.

    The two intervals answer two questions: would other images of this kind show it, with these networks; and would
    other networks, trained with other seeds. Only the second lets you speak of the architecture.

    Args:
        models: one network, or several that differ in their seed; they stay as they are.
        images: (n, 3, H, W), uint8 or floating point as the networks read them, at least two.
        targets: (n,) or (n, H, W), as ``metric`` takes them.
        metric: ``(logits, targets) -> (n,)``, such as ``accuracy`` of :mod:`cbam_course.training.metrics`.
        changes: name -> change; all of :data:`CHANGES` when left out.
        kind: which gates are changed, see :func:`changed_gates`.
        batch_size: images at a time, at least two; ``"another image's"`` exchanges within a batch.
        seed: of the permutations.

    Returns:
        One row per change: ``score`` without any change, ``changed`` score, ``difference``, its 95 % t intervals
        ``images_low``, ``images_high``, ``networks_low``, ``networks_high`` (NaN for a single network), and the
        numbers of ``images`` and ``networks``.
    """
    networks = [models] if isinstance(models, nn.Module) else list(models)
    if not networks or len(images) < 2 or batch_size < 2:
        raise ValueError(
            f"there are {len(networks)} networks, {len(images)} images and batches of {batch_size}; give at least "
            "one network, and two images at a time."
        )
    data = images, targets, metric, batch_size
    plain = torch.stack([_scores(network, *data) for network in networks])
    rows = []
    for name, change in (CHANGES if changes is None else changes).items():
        scores = []
        for network in networks:
            with changed_gates(network, change, kind=kind, seed=seed):
                scores.append(_scores(network, *data))
        rows.append({"change": name, **_effect(plain, torch.stack(scores))})
    return pd.DataFrame(rows).set_index("change")


def _effect(plain: Tensor, changed: Tensor) -> dict[str, float]:
    """Return what a change does, with both intervals, from scores (networks, images)."""
    differences = changed - plain
    over_images, over_networks = (mean_interval(differences.mean(dim=axis)) for axis in (0, 1))
    networks, images = plain.shape
    return {
        "score": plain.mean().item(),
        "changed": changed.mean().item(),
        "difference": over_images.mean,
        "images_low": over_images.low,
        "images_high": over_images.high,
        "networks_low": over_networks.low,
        "networks_high": over_networks.high,
        "images": images,
        "networks": networks,
    }


def _scores(model: nn.Module, images: Tensor, targets: Tensor, metric, batch_size: int) -> Tensor:
    """Return the score of each image, float64 (n,)."""
    like = next(model.parameters())
    # Equal parts, so that no batch has a single image that could exchange its gate with none.
    parts = -(-len(images) // batch_size)
    scores = []
    with as_it_stands(model):
        for some, wanted in zip(images.tensor_split(parts), targets.tensor_split(parts), strict=True):
            scores.append(
                metric(model(to_float(some.to(like.device)).to(like.dtype)), wanted.to(like.device))
                .double()
                .cpu()
            )
    return torch.cat(scores)
