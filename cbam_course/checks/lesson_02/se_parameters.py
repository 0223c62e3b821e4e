"""How an answer to the task se-parameters is examined; the words stand in se_parameters.toml beside it."""

from ..values import as_number, show


def examine(answer, find):
    """2 · 256 · 16 = 8192."""
    number = as_number(answer)
    whole = number is not None and float(number).is_integer()
    yield find("number", whole, got=show(answer))
    if not whole:
        return
    wrong = {
        4096: "one-layer",
        8192 + 16 + 256: "with-bias",
        2 * 256 * 256: "no-reduction",
        256 * 256: "no-reduction",
    }
    yield find("value", number == 8192, wrong.get(int(number)), got=show(answer))
