"""Draw the pictures of README.md into pictures/: ``python tools/make_pictures.py``."""

from pathlib import Path

import torch

from cbam_course import make_scenes
from cbam_course.inspection import plots

FOLDER = Path(__file__).resolve().parent.parent / "pictures"


def scenes():
    """Six scenes of each task, the target outlined."""
    where, what = make_scenes(6, task="where", seed=1), make_scenes(6, task="what", seed=1)
    names = [s.class_names[label] for s in (where, what) for label in s.labels]
    images, masks = torch.cat([where.images, what.images]), torch.cat([where.masks, what.masks])
    return plots.show_images(images, names, masks=masks, columns=6, size=1.6)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    scenes().savefig(FOLDER / "scenes.png", dpi=100)


if __name__ == "__main__":
    main()
