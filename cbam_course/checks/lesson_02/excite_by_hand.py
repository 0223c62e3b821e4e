"""How an answer to the task excite-by-hand is examined; the words stand in excite_by_hand.toml beside it."""

import math

from ..values import as_numbers, close, show


def examine(answer, find):
    """The averages (4, 2), hidden weight (1, −1), output weights (1, −1): logits (2, −2)."""
    numbers = as_numbers(answer)
    yield find("number", numbers is not None and len(numbers) == 2, got=show(answer))
    if numbers is None or len(numbers) != 2:
        return
    gate = [_sigmoid(2), _sigmoid(-2)]
    soft = [math.exp(2) / (math.exp(2) + math.exp(-2)), math.exp(-2) / (math.exp(2) + math.exp(-2))]
    wrong = {
        "logit": [2, -2],
        "no-relu": [gate[1], gate[0]],
        "softmax": soft,
        "scaled": [4 * gate[0], 2 * gate[1]],
    }
    mistake = next((slug for slug, value in wrong.items() if close(numbers, value, 0.006)), None)
    if close(numbers, [0.5, 0.5], 0.006):
        mistake = "no-relu"
    yield find("value", close(numbers, gate, 0.006), mistake, got=show(answer))


def _sigmoid(a: float) -> float:
    return 1 / (1 + math.exp(-a))
