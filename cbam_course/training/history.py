"""What happened during training, one row per epoch."""

from dataclasses import dataclass, field

import pandas as pd


@dataclass
class History:
    """The course of one training.

    Attributes:
        metric: name of what is measured on the validation data, ``"accuracy"`` or ``"mean IoU"``.
        train_loss: mean loss of each epoch's batches while they were trained on.
        validation: the metric after each epoch.
        seconds: duration of each epoch.
        note: why training ended early, or another sentence for the reader; empty if nothing happened.
        setting: device and number format, for the record.
    """

    metric: str
    setting: str = ""
    train_loss: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def final(self) -> float:
        """The metric after the last epoch that was finished; NaN if there is none. Never the best epoch's."""
        return self.validation[-1] if self.validation else float("nan")

    def frame(self) -> pd.DataFrame:
        """Return the history as a table with one row per epoch."""
        columns = {"train loss": self.train_loss, self.metric: self.validation, "seconds": self.seconds}
        table = pd.DataFrame(columns)
        table.index = pd.RangeIndex(1, len(table) + 1, name="epoch")
        return table

    def __str__(self) -> str:
        total = f"{len(self.validation)} epochs, {sum(self.seconds):.0f} s, {self.metric} {self.final:.3f}"
        return "\n".join(filter(None, [total, self.note]))
