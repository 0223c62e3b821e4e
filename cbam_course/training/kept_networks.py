"""Trained networks that are kept: the next time, also in another session, they are loaded."""

import hashlib
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..storage import course_home, write_whole
from .fit import Epoch, History, fit
from .hardware import choose_hardware

# Where and how visibly it was trained: the result is the same, up to rounding.
_IRRELEVANT = ("device", "progress", "threads")


def fit_once(name: str, model: nn.Module, train, validation, *, epochs: int, **options) -> History:
    """Do what :func:`cbam_course.training.fit.fit` does, or load what it did when it was asked the same before.

    The result lies in the folder ``checkpoints`` of :func:`cbam_course.storage.course_home`, under the name and
    the first digits of a hash of everything that it depends on: the data, the initial weights, the options, the
    course's code. Change one of them, and it is trained anew beside the old one. A training that was stopped is
    not kept.

    Args:
        name: what to call it; letters, digits, ``-`` and ``_``.
        model: changed in place, as by ``fit``.
        train, validation: pairs of tensors (images, labels).
        epochs: passes over the training set.
        options: further arguments of ``fit``.

    Raises:
        TypeError, ValueError: an argument is of the wrong kind; the message says what to do.
    """
    path = _place(name, model, (train, validation), {"epochs": epochs, **options})
    history = _load(path, model)
    if history is not None:
        choose_hardware(options.get("device"), "auto").put_model(model)
        model.eval()
        print(f"This network was trained before, in {history.seconds:.0f} s; it is loaded from {path}.")
        return history
    if not path.exists() and any(path.parent.glob(f"{name}-{'[0-9a-f]' * 12}.safetensors")):
        print(
            f"A network {name} is kept, but it was trained on other data, with other settings, or by another version "
            "of the course; now it is trained anew, and that one stays."
        )
    history = fit(model, train, validation, epochs=epochs, **options)
    if len(history.epochs) == epochs:
        _save(path, model, history)
    return history


def _place(name: str, model: nn.Module, data, options: Mapping) -> Path:
    if not isinstance(name, str) or not re.fullmatch(r"[\w-]+", name, re.ASCII):
        raise ValueError(f"name is {name!r}; give letters, digits, - and _, such as 'cbam-where'.")
    tensors = {}
    for part, pair in zip(("train", "validation"), data, strict=True):
        if not isinstance(pair, tuple | list) or not all(map(torch.is_tensor, pair)):
            raise TypeError(f"{part} is a {type(pair).__name__}; give a pair of tensors, or call fit itself.")
        tensors |= {f"{part} {number}": tensor for number, tensor in enumerate(pair)}
    asked = {key: _word(value) for key, value in options.items() if key not in _IRRELEVANT}
    settings = json.dumps([code_hash(), str(model), asked], sort_keys=True)
    digest = hashlib.sha256(settings.encode() + _digest({**model.state_dict(), **tensors}).encode())
    return course_home() / "checkpoints" / f"{name}-{digest.hexdigest()[:12]}.safetensors"


@cache
def code_hash() -> str:
    """Return a hash of all that training may depend on: the rooms of attention, networks and training, whole.

    It also changes where a comment does. Then a network is trained once more, which is cheaper than a stale one.
    """
    package = Path(__file__).resolve().parents[1]
    files = sorted(
        path for room in ("attention", "networks", "training") for path in (package / room).glob("*.py")
    )
    # Line ends differ between systems, and the code does not.
    parts = (path.name.encode() + path.read_bytes().replace(b"\r\n", b"\n") for path in files)
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


def _word(value: object) -> str:
    """Return the option as text that is the same in the next session: a function's repr holds its address."""
    return f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else repr(value)


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _save(path: Path, model: nn.Module, history: History) -> None:
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}
    metadata = {"history": json.dumps(asdict(history)), "sha256": _digest(state)}
    try:
        write_whole(path, save(state, metadata))
    except OSError as error:
        warnings.warn(
            f"The trained network could not be kept in {path.parent} ({error.strerror or error}); "
            "next time it is trained again.",
            stacklevel=3,
        )


def _load(path: Path, model: nn.Module) -> History | None:
    """Load the weights into the model if the file is there, whole, and of a kind that this version knows.

    The model is changed by all of it or not at all: trained again, it has to start where it stood.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata, state = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if _digest(state) != metadata["sha256"] or _shapes(state) != _shapes(model.state_dict()):
            raise ValueError("another content")
        history = _history(json.loads(metadata["history"]))
    except (OSError, SafetensorError, ValueError, TypeError, KeyError, AttributeError):
        problem = f"{path} is damaged or from another version of the course"
        warnings.warn(f"{problem}; the network is trained again.", stacklevel=3)
        return None
    model.load_state_dict(state)
    return history


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple]:
    return {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in state.items()}


def _history(written: dict) -> History:
    """Read what an older version wrote, too: what it lacks takes its default, what only it knew is left out."""
    known = {field.name for field in fields(History)}
    epochs = [Epoch(**{f.name: epoch[f.name] for f in fields(Epoch)}) for epoch in written["epochs"]]
    return History(**{**{name: value for name, value in written.items() if name in known}, "epochs": epochs})
