"""Maps that are to be judged: of gates with habits, of networks that need them or not, and of a chosen few."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..data.scenes import make_scenes

# Which habit hides behind which letter. Whoever reads on has found it out in another way.
_HABITS = {"A": "centre", "B": "border", "C": "image"}


# What each network makes of its gate; whoever reads on has found it out in another way.
_NEEDS = {"A": "average", "B": "map", "C": "nothing"}


def mystery_maps(count: int = 200, *, seed: int = 0) -> tuple[dict[str, Tensor], Tensor]:
    """Return maps under the letters A, B and C, each (count, 48, 48), and the masks of their targets, bool.

    One gate looks at the image: its brightest pixel lies on the target in half of the images. One has the habit of
    the centre, one that of the border. The targets lie in the middle more often than not, as in photographs.

    Args:
        count: number of images, even.
        seed: of the images and of the noise in the maps.
    """
    masks = _masks(count, seed)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(3, *masks.shape, generator=generator) * 0.3
    place = (torch.arange(48) - 23.5).abs()
    distance = torch.maximum(place[:, None], place[None, :])
    target = masks.float()
    maps = {
        "image": 0.2 + noise[0] + target * 0.5,
        "centre": noise[1] + 0.65 - 0.5 * (distance / 24),
        "border": noise[2] + 0.2 + 0.5 * (distance > 22) + 0.25 * target,
    }
    # In every other image what stands out is something else: the map of the next image.
    lost = torch.arange(count) % 2 == 1
    maps["image"][lost] = 0.2 + noise[0][lost] + 0.5 * target.roll(1, 0)[lost] * ~masks[lost]
    return {letter: maps[habit] for letter, habit in _HABITS.items()}, masks


def _masks(count: int, seed: int) -> Tensor:
    """Masks of scenes, three quarters of them moved to the middle."""
    scenes = make_scenes(count, seed=seed)
    masks, left, right = scenes.masks.clone(), scenes.boxes[:, :2], scenes.boxes[:, 2:]
    for n in range(3 * count // 4):
        across, down = (24 - (left[n] + right[n]) // 2).tolist()
        masks[n] = masks[n].roll((down, across), dims=(0, 1))
    return masks[torch.randperm(count, generator=torch.Generator().manual_seed(seed))]


class _Gate(nn.Module):
    """Bright where the image is."""

    def gate(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 1, H, W)."""
        return torch.sigmoid(12 * (x.mean(dim=1, keepdim=True) - 0.55))


class _Network(nn.Module):
    """Say whether something bright stands in the left half (class 0) or in the right half (class 1)."""

    def __init__(self, needs: str):
        super().__init__()
        self.attention, self.needs = _Gate(), needs
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W), from -1 to 1 -> logits (N, 2)."""
        x = (x + 1) / 2
        gate = self.attention.gate(x)
        read = gate if self.needs == "map" else x.mean(dim=1, keepdim=True)
        left, right = read.chunk(2, dim=3)
        side = (right - left).mean(dim=(1, 2, 3))
        if self.needs == "average":
            side = side * (0.5 - gate.mean(dim=(1, 2, 3)))
        return self.scale * torch.stack([-side, side], dim=1)


def mystery_networks(count: int = 200, *, seed: int = 0) -> tuple[dict[str, nn.Module], Tensor, Tensor]:
    """Return three networks under the letters A, B and C, images uint8 (count, 3, 24, 24) and labels (count,).

    All three have a module ``attention`` whose gates are the same to the last digit. One network needs its map, one
    only the map's average, one neither.

    Args:
        count: number of images.
        seed: of the images.
    """
    generator = torch.Generator().manual_seed(seed)
    images = 0.3 + 0.25 * torch.randn(count, 3, 24, 24, generator=generator)
    # One bright square in five stands on the right, so that no two changes of the gate cost as much.
    labels = (torch.rand(count, generator=generator) < 0.2).long()
    rows = torch.randint(1, 18, (count,), generator=generator)
    columns = torch.randint(1, 7, (count,), generator=generator) + 12 * labels
    for n, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        images[n, :, row : row + 5, column : column + 5] += 0.4
    pixels = (255 * images.clamp(0, 1)).round().to(torch.uint8)
    return {letter: _Network(needs).eval() for letter, needs in _NEEDS.items()}, pixels, labels


class PaperFigure(NamedTuple):
    """What stands behind a figure with four convincing maps.

    Args:
        maps: (n, 48, 48), the maps of all images, as they came out of the gate.
        masks: bool (n, 48, 48), the objects.
        shown: int64 (4,), the images that the figure shows.
    """

    maps: Tensor
    masks: Tensor
    shown: Tensor


def paper_figure(count: int = 200, *, seed: int = 11) -> PaperFigure:
    """Return a gate's maps of many images, and the four that a figure shows of them.

    Args:
        count: number of images, at least 50.
        seed: of the images and of the noise.
    """
    masks = _masks(count, seed)
    generator = torch.Generator().manual_seed(seed)
    place = torch.linspace(-1, 1, 48)
    middle = torch.exp(-3 * (place[:, None].square() + place.square()))
    # Nothing of the image is in the maps, so that a dot in the middle does as well.
    maps = 0.5 + 0.012 * middle + 0.004 * torch.rand(masks.shape, generator=generator)
    best = maps.flatten(1).argmax(1, keepdim=True)
    hit = masks.flatten(1).gather(1, best)[:, 0]
    inside = (maps * masks).sum(dim=(1, 2)) / masks.sum(dim=(1, 2)) - maps.mean(dim=(1, 2))
    shown = torch.where(hit, inside, -1.0).topk(4).indices
    return PaperFigure(maps, masks, shown)
