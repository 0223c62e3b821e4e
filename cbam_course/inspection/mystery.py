"""Maps of three gates whose habits are to be found out: one looks at the image, two do not."""

import torch
from torch import Tensor

from ..data.scenes import make_scenes

# Which habit hides behind which letter. Whoever reads on has found it out in another way.
_HABITS = {"A": "centre", "B": "border", "C": "image"}


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
