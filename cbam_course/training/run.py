"""One run of an experiment: make the data, build the model, train it, test it."""

import sys
import time
from dataclasses import asdict, dataclass

import psutil
import torch
from torch import Tensor

from ..data.scenes import Scenes, scene_splits
from .fit import fit, image_scores
from .variants import Variant

# data -> the scenes' task, and whether every pixel has an answer of its own
DATA = {"scenes-where": ("where", False), "scenes-what": ("what", False), "scenes-what-dense": ("what", True)}
TEST_IMAGES = 2000


@dataclass(frozen=True)
class Run:
    """What is to be computed: equal runs give equal scores.

    Args:
        data: ``"scenes-where"``, ``"scenes-what"`` or ``"scenes-what-dense"``.
        model: a name as in :class:`cbam_course.training.variants.Variant`.
        seed: of the scenes, of the initial weights and of the order of the images; runs with one seed are paired.
        epochs: passes over the training set.
        images: number of training images.
        learning_rate: largest learning rate of the cycle.
    """

    data: str
    model: str
    seed: int
    epochs: int
    images: int
    learning_rate: float = 0.003


def perform(run: Run, record: dict, threads: int, device: str | None) -> dict:
    """Compute one run and return its row; what goes wrong is recorded in ``error``.

    Args:
        run: what to compute.
        record: what made it, see :func:`cbam_course.training.provenance.record`.
        threads: CPU threads for this run alone.
        device: as in :func:`cbam_course.training.fit.fit`.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    start = time.perf_counter()
    try:
        result = {**_scores(run, device), "error": ""}
    except Exception as error:  # one failed run must not cost the others
        result = {"error": f"{type(error).__name__}: {error}".replace("\n", " ")}
    finally:
        torch.set_num_threads(before)
    return {
        **asdict(run),
        **result,
        "seconds": round(time.perf_counter() - start, 1),
        "threads": threads,
        "peak_memory_mib": _peak_memory(),
        **record,
    }


def _scores(run: Run, device: str | None) -> dict:
    task, dense = DATA[run.data]
    train, validation, test = (
        (scenes, scenes.dense if dense else scenes.classification)
        for scenes in scene_splits(run.images, task=task, seed=run.seed, test=TEST_IMAGES)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        model = Variant(run.model).build(None if dense else len(train[0].class_names))
    history = fit(
        model,
        train[1],
        validation[1],
        epochs=run.epochs,
        seed=run.seed,
        learning_rate=run.learning_rate,
        device=device,
        progress=False,
    )
    if len(history.epochs) < run.epochs:
        raise KeyboardInterrupt  # fit keeps what it has when it is interrupted; half a run is no result
    scores = image_scores(model, test[1])
    return {
        "accuracy": scores.mean().item(),
        "metric": history.metric,
        **_by_radius(scores, test[0]),
        "validation": history.final,
        "parameters": sum(p.numel() for p in model.parameters()),
        "device": _device_name(history.device),
        "precision": history.precision,
    }


def _by_radius(scores: Tensor, scenes: Scenes) -> dict[str, float]:
    """The score on the third of the test images with the smallest shapes, and on that with the largest."""
    ordered = scores[scenes.radius.argsort(stable=True)]
    third = len(ordered) // 3
    return {
        "accuracy_small": ordered[:third].mean().item(),
        "accuracy_large": ordered[-third:].mean().item(),
    }


def _peak_memory() -> int:
    """Peak memory of this process so far, in MiB; on a GPU that of the GPU."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated() >> 20
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset >> 20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else device
