"""One run of an experiment: make the data, build the model, train it, score it, and note what made its row."""

import platform
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import psutil
import torch
from torch import Tensor, nn

from ..inspection.interventions import changed_gates
from ..training.fit import History, fit, image_scores
from ..training.parameter_groups import train_only
from .data import Splits, data_named
from .models import Model, model_named

CHECKOUT = Path(__file__).resolve().parents[2]
# The network that was trained last: runs that replace its gates come next, and need not train it again.
_last: dict[tuple, tuple] = {}
# What is trained in each stage of a staged fine-tuning: the new layers, the last third too, everything.
STAGES = (("attention", "fc"), ("attention", "fc", "layer3"), ("",))


@dataclass(frozen=True)
class Run:
    """What is to be computed: equal runs give equal scores.

    Args:
        data: a name as in :func:`cbam_course.experiments.data.data_named`.
        model: a name as in :func:`cbam_course.experiments.models.model_named`.
        seed: of the images, of the initial weights and of the order of the images; runs with one seed are paired.
        epochs: passes over the training set.
        images: number of training images.
        learning_rate: largest learning rate of the cycle.
        batch_size: images per step.
        validation: number of images for validation.
        test: number of scenes for the test; 0 leaves the test set closed, and the score is that on the validation
            set.
    """

    data: str
    model: str
    seed: int
    epochs: int
    images: int
    learning_rate: float = 0.003
    batch_size: int = 64
    validation: int = 500
    test: int = 2000


def perform(run: Run, made_by: dict, threads: int, device: str | None) -> dict:
    """Compute one run and return its row; what goes wrong is told in ``error``.

    Args:
        run: what to compute.
        made_by: what makes the row, see :func:`provenance`.
        threads: CPU threads for this run alone.
        device: as in :func:`cbam_course.training.fit.fit`.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    start = time.perf_counter()
    try:
        result = {**_scores(run, device), "error": ""}
    except Exception as error:  # one failed run must not cost the others
        result = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
    finally:
        torch.set_num_threads(before)
    return {
        **asdict(run),
        **result,
        "seconds": round(time.perf_counter() - start, 1),
        "threads": threads,
        "peak_memory_mib": _peak_memory(),
        **made_by,
    }


def build(run: Run, splits: Splits) -> nn.Module:
    """Return the model of a run, fresh: the same weights for the same seed."""
    data, model = data_named(run.data), model_named(run.model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        return model.build(data.network, splits.classes)


def train(run: Run, device: str | None = None) -> tuple[nn.Module, Splits, History]:
    """Train the model of a run and return it with its data and its history.

    Raises:
        KeyboardInterrupt: the training was stopped; half a run is no result.
    """
    model = model_named(run.model)
    splits = data_named(run.data).splits(
        run.images, run.seed, validation=run.validation, test=max(run.test, 1)
    )
    network = build(run, splits)
    fitting = _train_in_stages if model.staged else _train
    return network, splits, fitting(network, model, splits, run, device)


def _scores(run: Run, device: str | None) -> dict:
    model = model_named(run.model)
    trained = replace(run, model=model.untouched), device
    if model.change is None or trained not in _last:
        _last.clear()
        _last[trained] = train(*trained)
    network, splits, history = _last[trained]
    closed = run.test == 0
    with (
        nullcontext()
        if model.change is None
        else changed_gates(network, model.change, kind=model.kind, seed=run.seed)
    ):
        scores = image_scores(network, splits.validation if closed else splits.test)
    return {
        "accuracy": scores.mean().item(),
        "metric": history.metric,
        **({} if closed else _by_radius(scores, splits.radius)),
        "validation_accuracy": history.final,
        "parameters": sum(p.numel() for p in network.parameters()),
        "device": _device_name(history.device),
        "precision": history.precision,
    }


def _train(
    network: nn.Module,
    model: Model,
    splits: Splits,
    run: Run,
    device: str | None,
    *,
    epochs: int | None = None,
) -> History:
    old = {"attention": run.learning_rate, "fc": run.learning_rate, "": run.learning_rate * model.old_rate}
    wanted = epochs or run.epochs
    history = fit(
        network,
        splits.train,
        splits.validation,
        epochs=wanted,
        seed=run.seed,
        batch_size=run.batch_size,
        learning_rate=run.learning_rate if model.old_rate == 1 else old,
        device=device,
        # On a CPU always the same numbers; on a GPU whatever it is fast at.
        precision="auto" if _on_gpu(device) else "float32",
        progress=False,
    )
    if len(history.epochs) < wanted:
        raise KeyboardInterrupt  # fit keeps what it has when it is interrupted; half a run is no result
    return history


def _train_in_stages(
    network: nn.Module, model: Model, splits: Splits, run: Run, device: str | None
) -> History:
    """A third of the epochs each."""
    if run.epochs % len(STAGES):
        raise ValueError(f"epochs is {run.epochs}; a staged run needs a multiple of {len(STAGES)}.")
    names = [name for name, _ in network.named_parameters()]
    for parts in STAGES:
        # Without attention there is nothing of that name to train.
        train_only(network, *(part for part in parts if any(part in name for name in names)))
        history = _train(network, model, splits, run, device, epochs=run.epochs // len(STAGES))
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


def _on_gpu(device: str | None) -> bool:
    return torch.cuda.is_available() and device != "cpu"


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else device


def provenance(command: str) -> dict[str, str]:
    """Return the columns that say what made a row, read once, before the first run begins.

    Args:
        command: what the user typed.
    """
    return {
        "commit": commit(),
        "versions": versions(),
        "processor": processor(),
        "command": command,
    }


def commit(checkout: Path = CHECKOUT) -> str:
    """Return the short hash of this checkout's commit, ``+`` if the package has uncommitted changes.

    Empty where the package does not lie in a checkout of its own, such as in site-packages below somebody's home
    folder that happens to be a repository.

    Args:
        checkout: the folder that holds the package.
    """
    try:
        if Path(_git(checkout, "rev-parse", "--show-toplevel")).resolve() != checkout.resolve():
            return ""
        # A folder that git ignores, such as an environment inside a checkout, has no commit either.
        if not _git(checkout, "ls-files", "cbam_course/__init__.py"):
            return ""
        head = _git(checkout, "rev-parse", "--short=10", "HEAD")
        return head + ("+" if _git(checkout, "status", "--porcelain", "--", "cbam_course") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(checkout: Path, *words: str) -> str:
    command = ["git", "-C", str(checkout), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip("\n")


def versions() -> str:
    """Return the versions that can change a number, such as ``python 3.12.3, torch 2.9.0, numpy 2.3.1``."""
    return f"python {platform.python_version()}, torch {version('torch')}, numpy {version('numpy')}"


def processor() -> str:
    """Return what decides which kernels a processor runs: its instruction sets, its maker, family and model.

    Two machines with equal words compute equal digits with equal versions; others differ in the last ones, and
    training makes more of that.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return f"{capability} {platform.processor() or platform.machine()}"
    fields = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
    names = (fields.get(name, "?") for name in ("vendor_id", "cpu family", "model"))
    return " ".join([capability, *names]) if "vendor_id" in fields else f"{capability} {platform.machine()}"
