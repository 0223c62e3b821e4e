"""How an answer to shared-mlp-parameters is examined; the words stand in shared_mlp_parameters.toml beside it."""

from ..values import as_number, show

_WRONG = {
    8192: "unshared",
    2048: "one-layer",
    4096 + 16 + 128: "with-bias",
    2 * 4096 + 2 * (16 + 128): "unshared",
    6144: "concatenated",
    2 * 128 * 128: "no-reduction",
    128 * 128: "no-reduction",
}


def examine(answer, find):
    """2 · 128 · 16 = 4096: the second pool adds none."""
    number = as_number(answer)
    whole = number is not None and float(number).is_integer()
    yield find("number", whole, got=show(answer))
    if whole:
        yield find("value", number == 4096, _WRONG.get(int(number)), got=show(answer))
