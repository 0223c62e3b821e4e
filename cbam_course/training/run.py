"""One run of an experiment: make the data, build the model, train it, test it."""

import sys
import time
from dataclasses import asdict, dataclass

import psutil
import torch
from torch import Tensor, nn

from .fit import History, fit, image_scores
from .parameter_groups import train_only
from .tasks import Splits, Task
from .variants import Variant

# What is trained in each stage of a staged fine-tuning: the new layers, the last third too, everything.
STAGES = (("attention", "fc"), ("attention", "fc", "layer3"), ("",))


@dataclass(frozen=True)
class Run:
    """What is to be computed: equal runs give equal scores.

    Args:
        data: a name as in :class:`cbam_course.training.tasks.Task`.
        model: a name as in :class:`cbam_course.training.variants.Variant`.
        seed: of the images, of the initial weights and of the order of the images; runs with one seed are paired.
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
    task, variant = Task(run.data), Variant(run.model)
    splits = task.splits(run.images, run.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        model = variant.build(task.network, splits.classes)
    history = (_train_in_stages if variant.staged else _train)(model, splits, run, device)
    scores = image_scores(model, splits.test)
    return {
        "accuracy": scores.mean().item(),
        "metric": history.metric,
        **_by_radius(scores, splits.radius),
        "validation": history.final,
        "parameters": sum(p.numel() for p in model.parameters()),
        "device": _device_name(history.device),
        "precision": history.precision,
    }


def _train(
    model: nn.Module, splits: Splits, run: Run, device: str | None, *, epochs=None, rate=None
) -> History:
    history = fit(
        model,
        splits.train,
        splits.validation,
        epochs=epochs or run.epochs,
        seed=run.seed,
        learning_rate=rate or run.learning_rate,
        device=device,
        progress=False,
    )
    if len(history.epochs) < (epochs or run.epochs):
        raise KeyboardInterrupt  # fit keeps what it has when it is interrupted; half a run is no result
    return history


def _train_in_stages(model: nn.Module, splits: Splits, run: Run, device: str | None) -> History:
    """A third of the epochs each; what was trained before learns at a tenth of the rate."""
    if run.epochs % len(STAGES):
        raise ValueError(f"epochs is {run.epochs}; a staged run needs a multiple of {len(STAGES)}.")
    rates = {"attention": run.learning_rate, "fc": run.learning_rate, "": run.learning_rate / 10}
    names = [name for name, _ in model.named_parameters()]
    for parts in STAGES:
        # Without attention there is nothing of that name to train.
        train_only(model, *(part for part in parts if any(part in name for name in names)))
        history = _train(model, splits, run, device, epochs=run.epochs // len(STAGES), rate=rates)
    return history


def _by_radius(scores: Tensor, radius: Tensor | None) -> dict[str, float]:
    """The score on the third of the test images with the smallest shapes, and on that with the largest."""
    if radius is None or radius.min() == radius.max():
        return {}
    ordered = scores[radius.argsort(stable=True)]
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
