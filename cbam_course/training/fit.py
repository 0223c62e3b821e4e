"""Train a network: AdamW, one cycle of the learning rate, and sentences instead of surprises."""

import time

import torch
from torch import nn
from tqdm.auto import tqdm

from .batches import Data, batches, check_data, count_batches, labels_of, prepare
from .history import History
from .objectives import objective_for
from .precision import Setting, choose_setting


class _LossIsNaN(Exception):
    """The loss is not a finite number."""


def fit(
    model: nn.Module,
    train: Data,
    validation: Data,
    *,
    epochs: int,
    seed: int = 0,
    batch_size: int = 64,
    learning_rate: float = 3e-3,
    weight_decay: float = 1e-2,
    device: str | torch.device | None = None,
    precision: str = "auto",
    progress: bool = True,
) -> History:
    """Train ``model`` in place and return what happened, epoch by epoch.

    The loss and the metric follow from the labels: class numbers (N,) give cross-entropy and accuracy, masks
    (N, H, W) give binary cross-entropy and mean intersection over union.

    Args:
        model: any network; it is moved to the device and stays there, in eval mode.
        train: (images, labels) as tensors, or a DataLoader. uint8 images become float32 in [−1, 1].
        validation: the same, measured after each epoch and never trained on.
        epochs: passes over the training data, at least 1.
        seed: decides the order of the batches; the same seed gives the same order whatever the model.
        batch_size: images per step, for tensors; halved with a sentence when the GPU's memory is full.
        learning_rate: the highest one of the cycle.
        weight_decay: of weights only: not of biases, BatchNorm, or parameters named ``strength``.
        device: the GPU if there is one, else the CPU.
        precision: ``"auto"``, ``"float32"``, ``"bfloat16"`` or ``"float16"``.
        progress: show a bar.

    Returns:
        A :class:`History`. Ctrl-C and the stop button end the training with what was reached; a loss that is NaN
        ends it too. Both leave a sentence in ``note``, which is printed.

    Raises:
        TypeError, ValueError: an argument is of the wrong kind; the message says what to do.
    """
    check_data("train", train)
    check_data("validation", validation)
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"epochs is {epochs!r}; give a whole number of at least 1.")
    setting = choose_setting(device, precision)
    history = History(objective_for(labels_of(train)).name, f"{setting.device}, {setting.dtype}")
    model.to(setting.device, memory_format=setting.memory_format)
    with torch.random.fork_rng():  # dropout draws from the global generator; the caller's is left as it was
        torch.manual_seed(seed)
        run = _Run(
            model, train, validation, setting, history, epochs, seed, batch_size, learning_rate, weight_decay
        )
        _supervise(run, progress)
    model.eval()
    return history


def _supervise(run: "_Run", progress: bool) -> None:
    """Run to the end, or to what stops it; say in one sentence what happened."""
    with tqdm(total=run.epochs, disable=not progress, unit="epoch", leave=False) as bar:
        try:
            while run.epoch < run.epochs:
                run.one_epoch()
                bar.set_postfix({run.history.metric: f"{run.history.final:.3f}"})
                bar.update()
        except KeyboardInterrupt:
            run.history.note = (
                f"Stopped by hand in epoch {run.epoch + 1}; the network keeps what it had learned by then."
            )
        except _LossIsNaN:
            run.history.note = (
                f"The loss became NaN in epoch {run.epoch + 1}, step {run.step + 1}, and training was stopped. "
                f"Likely cures: a lower learning_rate (it was {run.learning_rate:g}), inputs without NaN, or "
                "precision='float32'."
            )
    if run.history.note:
        print(run.history.note)


class _Run:
    """One training under way: the optimiser, the schedule, and how far it has come."""

    def __init__(
        self, model, train, validation, setting: Setting, history, epochs, seed, batch_size, rate, decay
    ):
        self.model, self.train, self.validation = model, train, validation
        self.setting, self.history, self.epochs, self.batch_size = setting, history, epochs, batch_size
        self.learning_rate, self.epoch, self.step = rate, 0, 0
        self.objective = objective_for(labels_of(train))
        self.order = torch.Generator().manual_seed(seed)
        self.optimiser = torch.optim.AdamW(_groups(model, decay), lr=rate)
        steps = epochs * count_batches(train, batch_size)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimiser, rate, total_steps=steps)
        self.scaler = setting.scaler()

    def one_epoch(self) -> None:
        """Train on every batch once, then measure. An epoch that does not fit into memory starts again."""
        start, order = time.perf_counter(), self.order.get_state()
        try:
            loss = self._train_batches()
        except torch.cuda.OutOfMemoryError:
            if self.batch_size == 1:
                raise
            self._halve_batch(order)
            return
        self.history.train_loss.append(loss)
        self.history.validation.append(evaluate(self.model, self.validation, self.setting, self.batch_size))
        self.history.seconds.append(time.perf_counter() - start)
        self.epoch += 1

    def _train_batches(self) -> float:
        self.model.train()
        losses = []
        for step, (images, labels) in enumerate(batches(self.train, self.batch_size, self.order)):
            self.step = step
            losses.append(self._train_batch(*prepare(images, labels, self.setting)))
        return sum(losses) / len(losses)

    def _train_batch(self, images, labels) -> float:
        with self.setting.autocast():
            loss = self.objective.loss(self.model(images), labels)
        value = loss.item()
        if value != value:
            raise _LossIsNaN
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimiser)
        self.scaler.update()
        if self.schedule.last_epoch < self.schedule.total_steps - 1:
            self.schedule.step()
        return value

    def _halve_batch(self, order) -> None:
        """Start the epoch again with half the batch: the schedule then has as many steps as it needs."""
        torch.cuda.empty_cache()
        self.order.set_state(order)
        self.batch_size //= 2
        steps = (self.epochs - self.epoch) * count_batches(self.train, self.batch_size)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, self.learning_rate, total_steps=steps
        )
        print(f"The GPU's memory was full; training goes on with batches of {self.batch_size}.")


def _groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Decay weights only: pulling a BatchNorm's scale or an insertion's strength to 0 is not regularisation."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    plain = [p for name, p in named if p.ndim < 2 or name.endswith("strength")]
    kept = {id(p) for p in plain}
    return [
        {"params": [p for _, p in named if id(p) not in kept], "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


@torch.no_grad()
def evaluate(model: nn.Module, data: Data, setting: Setting | None = None, batch_size: int = 256) -> float:
    """Return accuracy or mean IoU of the model on the data, in eval mode; the model's mode is put back.

    Args:
        model: any network that fits the data.
        data: (images, labels) as tensors, or a DataLoader.
        setting: device and precision; chosen automatically if left out.
        batch_size: images at a time, for tensors.
    """
    setting = setting or choose_setting()
    model.to(setting.device)
    training = model.training
    model.eval()
    objective, scores = objective_for(labels_of(data)), []
    for images, labels in batches(data, batch_size):
        images, labels = prepare(images, labels, setting)
        with setting.autocast():
            scores.append(objective.scores(model(images), labels))
    model.train(training)
    return torch.cat(scores).mean().item()
