"""What a training run reached, epoch by epoch."""

from dataclasses import asdict, dataclass, field

import pandas as pd


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
