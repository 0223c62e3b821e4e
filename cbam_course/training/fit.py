"""Train a network: AdamW, a one-cycle learning rate, and no surprises.

:func:`fit` is what lessons call. Below it stand the parts it is made of: the :class:`History` it returns, the batches
it reads, and one run.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from ..arguments import require_whole
from ..data.photos import to_float
from .hardware import Hardware, choose_hardware, training_threads
from .metrics import Loss, Metric, defaults_for
from .parameter_groups import parameter_groups, train_mode


@dataclass(frozen=True)
class Epoch:
    """One pass over the training set.

    Args:
        epoch: counted from 1.
        train_loss, validation_loss: averages over the images of each set.
        score: the metric on the validation set, after this epoch.
        seconds: wall time of this epoch, validation included.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    score: float
    seconds: float


@dataclass
class History:
    """The finished epochs of one run and what happened on the way.

    Args:
        metric: name of the score, such as ``"accuracy"``.
        epochs: the finished epochs, in order.
        notes: sentences about anything unusual: an interruption, a batch that had to be halved.
        device, precision: where and with which numbers the run computed.
    """

    metric: str
    epochs: list[Epoch] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    device: str = "cpu"
    precision: str = "float32"

    @property
    def final(self) -> float:
        """The score after the last finished epoch, NaN if none was finished."""
        return self.epochs[-1].score if self.epochs else float("nan")

    @property
    def seconds(self) -> float:
        """Wall time of all finished epochs."""
        return sum(epoch.seconds for epoch in self.epochs)

    def table(self) -> pd.DataFrame:
        """Return one row per epoch, the score under the metric's name."""
        columns = ["epoch", "train_loss", "validation_loss", "score", "seconds"]
        frame = pd.DataFrame([asdict(epoch) for epoch in self.epochs], columns=columns)
        return frame.rename(columns={"score": self.metric})

    def __str__(self) -> str:
        table = self.table().to_string(index=False, float_format="{:.3f}".format)
        ending = f"{len(self.epochs)} epochs in {self.seconds:.1f} s on {self.device}, {self.precision}"
        return "\n".join([table if self.epochs else "No epoch was finished.", ending, *self.notes])


class LossNotFinite(ArithmeticError):
    """The loss became infinite or NaN; ``history`` holds the epochs finished before."""

    def __init__(self, sentence: str, history: History):
        super().__init__(sentence)
        self.history = history


def fit(
    model: nn.Module,
    train,
    validation,
    *,
    epochs: int,
    seed: int = 0,
    batch_size: int = 64,
    learning_rate: float | Mapping[str, float] = 3e-3,
    weight_decay: float = 0.01,
    loss: Loss | None = None,
    metric: Metric | None = None,
    device: str | torch.device | None = None,
    precision: str = "auto",
    threads: int | None = None,
    progress: bool = True,
) -> History:
    """Train ``model`` in place and return what it reached after each epoch.

    AdamW with a one-cycle learning rate. Ctrl-C ends the training and keeps what was reached. The model is left
    on the device that was used, in ``eval`` mode; the state of torch's random numbers is left as it was.

    Args:
        model: takes images (N, C, H, W), returns logits (N, K) or, for masks, (N, H, W).
        train, validation: each a pair of tensors (images, labels), labels (N,) or masks (N, H, W), or a
            ``DataLoader`` of such pairs; uint8 images are scaled to -1 … 1, floating-point ones taken as given.
        epochs: passes over the training set, at least 1.
        seed: of the order of the images and of dropout; the initial weights are the caller's.
        batch_size: images per step, at least 1; a ``DataLoader`` has its own.
        learning_rate: largest learning rate of the cycle, above 0; or a mapping from a piece of parameter names to
            a rate, first match first, such as ``{"attention": 3e-3, "": 3e-4}``.
        weight_decay: of AdamW, at least 0; biases, norms and single numbers are spared.
        loss: ``(logits, targets) -> scalar``; cross entropy if left out, over classes or over pixels.
        metric: ``(logits, targets) -> (N,)``, one score per image; accuracy or mean IoU if left out.
        device: ``None`` chooses a GPU if there is one.
        precision: ``"auto"``, ``"float32"``, ``"bfloat16"`` or ``"float16"``.
        threads: of torch, at least 1. ``None`` takes as many as torch is set to, but on a processor no more than
            the cores that other programs leave free, and says so in a note. Sums are rounded differently with
            another number; ``threads=1`` gives the same numbers on a busy machine and on a free one.
        progress: show a bar.

    Raises:
        TypeError, ValueError: an argument is of the wrong kind; the message says what to do.
        LossNotFinite: the loss became NaN or infinite; the message names the step and likely cures.

    Example:
        >>> import torch
        >>> from cbam_course import fit, make_scenes
        >>> from cbam_course.networks.small_cnn import SmallCNN
        >>> scenes = make_scenes(64, seed=0)
        >>> model = SmallCNN(len(scenes.class_names))
        >>> history = fit(model, scenes.classification, scenes.classification, epochs=1, progress=False)
        >>> history.metric, len(history.epochs)
        ('accuracy', 1)
    """
    require_whole("epochs", epochs)
    require_whole("batch_size", batch_size)
    if threads is not None:
        require_whole("threads", threads)
    _require_rates(learning_rate, weight_decay)
    order = torch.Generator().manual_seed(seed)
    sets = batches("train", train, batch_size, order), batches("validation", validation, batch_size)
    hardware = choose_hardware(device, precision)
    gpus = [hardware.device] if hardware.device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.manual_seed(seed)
        run = _Run(model, *sets, epochs, hardware, learning_rate, weight_decay, loss, metric)
        with training_threads(threads, run.note, on_cpu=hardware.device.type == "cpu") as look_again:
            return run.all_epochs(progress, look_again)


@torch.no_grad()
def image_scores(model: nn.Module, data, *, metric: Metric | None = None, batch_size: int = 256) -> Tensor:
    """Return the score of each image, float (N,), from the model as it is: same device, ``eval`` mode, float32.

    Args:
        model, metric: as in :func:`fit`.
        data: as ``validation`` in :func:`fit`.
        batch_size: images at a time.
    """
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    scores = []
    for images, targets in batches("data", data, batch_size):
        targets = targets.to(device)
        measure = metric or defaults_for(targets)[1]
        scores.append(measure(model(to_float(images.to(device))), targets).cpu())
    model.train(was_training)
    return torch.cat(scores)


class TensorBatches:
    """Batches of two tensors, in a fresh order at each pass.

    Args:
        images: (N, C, H, W), uint8 or floating point.
        targets: (N,) class labels or (N, H, W) masks.
        batch_size: images per batch; the last batch may be smaller.
        order: draws the order; ``None`` keeps the given one.
    """

    def __init__(
        self, images: Tensor, targets: Tensor, batch_size: int, order: torch.Generator | None = None
    ):
        self.images, self.targets, self.batch_size, self.order = images, targets, batch_size, order

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count = len(self.images)
        order = torch.arange(count) if self.order is None else torch.randperm(count, generator=self.order)
        for chosen in order.split(self.batch_size):
            yield self.images[chosen], self.targets[chosen]


def batches(name: str, data: object, batch_size: int, order: torch.Generator | None = None):
    """Return what to iterate over: ``TensorBatches`` for a pair of tensors, a ``DataLoader`` as it is.

    Raises:
        TypeError, ValueError: ``data`` is neither, or its parts do not fit; the message says what to do.
    """
    if isinstance(data, DataLoader):
        return data
    if not isinstance(data, tuple | list) or len(data) != 2 or not all(map(torch.is_tensor, data)):
        raise TypeError(
            f"{name} is a {type(data).__name__}; give a pair of tensors (images, labels) or a DataLoader."
        )
    images, targets = data
    if images.ndim != 4 or not len(images):
        raise ValueError(
            f"{name} has images of shape {tuple(images.shape)}; give at least one, as (N, C, H, W)."
        )
    if len(images) != len(targets):
        raise ValueError(
            f"{name} has {len(images)} images and {len(targets)} labels; give one label per image."
        )
    return TensorBatches(images, targets, batch_size, order)


def _require_rates(learning_rate: float | Mapping[str, float], weight_decay: float) -> None:
    rates = learning_rate.values() if isinstance(learning_rate, Mapping) else [learning_rate]
    if not all(rate > 0 for rate in rates) or not weight_decay >= 0:
        raise ValueError(
            f"learning_rate is {learning_rate} and weight_decay {weight_decay}; give numbers above 0 and of at "
            "least 0, such as 0.003 and 0.01."
        )


class _Run:
    """One training run: what its steps share."""

    def __init__(
        self, model, train, validation, epochs, hardware: Hardware, learning_rate, weight_decay, loss, metric
    ):
        self.model, self.train, self.validation = model, train, validation
        self.epochs, self.hardware = epochs, hardware
        default_loss, default_metric = defaults_for(next(iter(validation))[1])
        self.loss, self.metric = loss or default_loss, metric or default_metric
        hardware.put_model(model)
        groups = parameter_groups(model, learning_rate, weight_decay)
        self.optimiser = torch.optim.AdamW(groups)
        # One step more than will be taken, because a cycle of a single step has no length.
        steps = epochs * len(train) + 1
        peaks = [group["lr"] for group in groups]
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimiser, peaks, total_steps=steps)
        self.scaler = hardware.scaler()
        self.pieces = 1
        self.history = History(_name(self.metric), device=hardware.device.type, precision=hardware.name)

    def all_epochs(self, progress: bool, after_epoch: Callable[[], None]) -> History:
        with tqdm(total=self.epochs * len(self.train), disable=not progress, leave=False) as bar:
            try:
                for epoch in range(1, self.epochs + 1):
                    self._epoch(epoch, bar)
                    if epoch < self.epochs:
                        after_epoch()
            except KeyboardInterrupt:
                self.note(
                    f"Stopped by hand in epoch {epoch} of {self.epochs}: the model keeps the weights it had "
                    f"reached, and {epoch - 1} finished epochs are recorded."
                )
        self.model.eval()
        return self.history

    def _epoch(self, epoch: int, bar) -> None:
        start, total, count = time.perf_counter(), 0.0, 0
        train_mode(self.model)
        for step, (images, targets) in enumerate(self.train, start=1):
            value = self._retry(self._step, images, targets)
            if not math.isfinite(value):
                raise LossNotFinite(_diagnosis(value, epoch, step), self.history)
            total, count = total + value * len(images), count + len(images)
            bar.update()
        validation_loss, score = self._validate()
        seconds = time.perf_counter() - start
        self.history.epochs.append(Epoch(epoch, total / count, validation_loss, score, seconds))
        bar.set_postfix_str(f"epoch {epoch}, {self.history.metric} {score:.3f}")

    def _step(self, images: Tensor, targets: Tensor) -> float:
        self.optimiser.zero_grad(set_to_none=True)
        value = 0.0
        for part, part_targets in self._parts(images, targets):
            share = len(part) / len(images)
            loss = self.loss(self._forward(part), part_targets) * share
            self.scaler.scale(loss).backward()
            value += loss.item()
        if math.isfinite(value):
            scale = self.scaler.get_scale()
            self.scaler.step(self.optimiser)
            self.scaler.update()
            # The scaler skips a step whose gradients overflowed; the schedule then waits as well.
            if self.scaler.get_scale() >= scale:
                self.schedule.step()
        return value

    @torch.no_grad()
    def _validate(self) -> tuple[float, float]:
        self.model.eval()
        sums, count = torch.zeros(2, dtype=torch.float64), 0
        for images, targets in self.validation:
            sums += self._retry(self._measure, images, targets)
            count += len(images)
        return tuple((sums / count).tolist())

    def _measure(self, images: Tensor, targets: Tensor) -> Tensor:
        sums = torch.zeros(2, dtype=torch.float64)
        for part, part_targets in self._parts(images, targets):
            logits = self._forward(part)
            loss, scores = self.loss(logits, part_targets), self.metric(logits, part_targets)
            sums += torch.tensor([loss.item() * len(part), scores.sum().item()], dtype=torch.float64)
        return sums

    def _forward(self, images: Tensor) -> Tensor:
        with self.hardware.autocast():
            return self.model(images)

    def _parts(self, images: Tensor, targets: Tensor):
        for part, part_targets in zip(images.chunk(self.pieces), targets.chunk(self.pieces), strict=True):
            yield (
                to_float(self.hardware.put_images(part)),
                part_targets.to(self.hardware.device, non_blocking=True),
            )

    def _retry(self, work, images: Tensor, targets: Tensor):
        """Do the work; when the GPU's memory is too small for it, in halves: same sum, less at a time."""
        while True:
            try:
                return work(images, targets)
            except torch.cuda.OutOfMemoryError:
                if self.pieces >= len(images):
                    raise
            self.pieces *= 2
            torch.cuda.empty_cache()
            self.note(
                f"The GPU's memory is too small for {len(images)} images at once: each batch goes through in "
                f"{self.pieces} parts, and their gradients are added."
            )

    def note(self, sentence: str) -> None:
        self.history.notes.append(sentence)
        tqdm.write(sentence)


def _name(metric: Metric) -> str:
    return getattr(metric, "__name__", type(metric).__name__)


def _diagnosis(value: float, epoch: int, step: int) -> str:
    return (
        f"The loss is {value} in epoch {epoch}, step {step}: try a learning_rate ten times smaller, look for NaN in "
        "the images (images.isnan().any()), and for a logarithm, a root or a division in the model; with "
        'precision="float16" try "float32".'
    )
