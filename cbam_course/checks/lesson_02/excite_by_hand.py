"""How an answer to the task excite-by-hand is examined; the words stand in excite_by_hand.toml beside it."""

import torch

from ..values import as_numbers, close, show

_AVERAGES = torch.tensor([3.0, 1.0])
_W1 = torch.tensor([[1.0, -2.0], [-1.0, 1.0]])
_W2 = torch.tensor([[2.0, 1.0], [-1.0, 1.0]])
_TOLERANCE = 0.006  # two decimals, rounded either way


def examine(answer, find):
    """Compare with the gate and with what comes out when one step is left out or changed."""
    numbers = as_numbers(answer)
    two = numbers is not None and len(numbers) == 2
    yield find("number", two, got=show(answer))
    if two:
        logit = _W2 @ torch.relu(_W1 @ _AVERAGES)
        holds = close(numbers, logit.sigmoid(), _TOLERANCE)
        yield find("value", holds, _mistake(numbers, logit), got=show(answer))


def _mistake(numbers: list[float], logit: torch.Tensor) -> str | None:
    gate = logit.sigmoid()
    wrong = {
        "logit": logit,
        "no-relu": (_W2 @ _W1 @ _AVERAGES).sigmoid(),
        "softmax": logit.softmax(0),
        "scaled": _AVERAGES * gate,
        "transposed": (_W2.T @ torch.relu(_W1.T @ _AVERAGES)).sigmoid(),
        "swapped-channels": gate.flip(0),
    }
    return next((slug for slug, value in wrong.items() if close(numbers, value, _TOLERANCE)), None)
