"""How an answer to the task parameter-groups is examined; the words stand in parameter_groups.toml beside it."""

from collections import Counter
from collections.abc import Mapping

import torch
from torch import nn

from ...attention import CBAM
from ...networks.insertion import insert_attention
from ...networks.resnet import CifarResNet
from ..values import as_number, show

NEW, OLD = 0.02, 0.005


def _model() -> nn.Module:
    """A small ResNet with attention inserted as the identity; its first stage is frozen, attention included."""
    torch.manual_seed(0)
    model = insert_attention(CifarResNet(1, 3), lambda channels: CBAM(channels, 4), identity=True)
    model.layer1.requires_grad_(False)
    return model


def _is_new(name: str) -> bool:
    return "attention" in name or name.startswith("fc.")


def examine(group, find):
    """One model with frozen, old and new parameters; the groups are read back by name."""
    model = _model()
    got = group(model, NEW, OLD)
    groups = _groups(got)
    yield find("form", groups is not None, got=show(got))
    if groups is None:
        return
    names = {id(p): name for name, p in model.named_parameters()}
    where = [(names.get(id(p), "an unknown parameter"), g) for g in groups for p in g["params"]]
    count = Counter(name for name, _ in where)
    twice = next((name for name in count if count[name] > 1), None)
    yield find("once", twice is None, "duplicated", name=twice)
    was = dict(_model().named_parameters())
    moved = [n for n, p in model.named_parameters() if p.requires_grad != was[n].requires_grad]
    yield find("unchanged", not moved, "model-changed", name=(moved or [""])[0])
    yield from _sorted(dict(where), {n for n, p in was.items() if p.requires_grad}, find)
    if not twice:
        torch.optim.AdamW([g for g in groups if g["params"]], lr=1.0)


def _groups(got) -> list[dict] | None:
    """The groups with their parameters as lists, which a generator gives only once; None if they are no groups."""
    if not isinstance(got, (list, tuple)) or not all(isinstance(g, Mapping) and "params" in g for g in got):
        return None
    groups = []
    for g in got:
        params = [g["params"]] if isinstance(g["params"], torch.Tensor) else list(g["params"])
        # A pair (name, parameter) is what named_parameters() gives, and optimisers take it.
        params = [p[1] if isinstance(p, tuple) else p for p in params]
        groups.append({**g, "params": params})
    fits = all(as_number(g.get("lr")) is not None for g in groups)
    return groups if fits and all(isinstance(p, torch.Tensor) for g in groups for p in g["params"]) else None


def _sorted(where: dict[str, dict], trained: set[str], find):
    frozen = next((name for name in where if name not in trained), None)
    yield find("frozen", frozen is None, "frozen-included", name=frozen)
    missing = sorted(trained - set(where))
    yield find("complete", not missing, _missing(missing, trained), name=(missing or [""])[0])
    rates = {name: float(g["lr"]) for name, g in where.items() if name in trained}
    mistake = _wrong_rates(rates)
    for slug, expected in (("new", NEW), ("old", OLD)):
        wrong = [n for n, rate in rates.items() if _is_new(n) == (slug == "new") and rate != expected]
        name = (wrong or [""])[0]
        yield find(slug, not wrong, mistake, name=name, expected=expected, got=rates.get(name))
    decays = {name: g.get("weight_decay", 0.01) for name, g in where.items() if name in trained}
    alphas = [n for n in decays if n.endswith("alpha")]
    wrong = [n for n in alphas if decays[n] != 0]
    name = (wrong or [""])[0]
    yield find("alpha", not wrong, "alpha-decays", name=name, got=decays.get(name))
    # Whether biases and norms decay is left to the learner.
    kernels = [n for n in decays if n.endswith(("conv.weight", "conv1.weight", "mlp.0.weight", "fc.weight"))]
    wrong = [n for n in kernels if decays[n] == 0]
    yield find("decay", not wrong, "nothing-decays", name=(wrong or [""])[0])


def _missing(missing: list[str], trained: set[str]) -> str | None:
    old = {name for name in trained if not _is_new(name)}
    if missing and set(missing) >= old:
        return "only-new"
    return "alpha-forgotten" if missing and all(n.endswith("alpha") for n in missing) else None


def _wrong_rates(rates: dict[str, float]) -> str | None:
    if len(set(rates.values())) == 1:
        return "one-rate"
    if all(rate == (OLD if _is_new(name) else NEW) for name, rate in rates.items()):
        return "rates-swapped"
    wrong = {name for name, rate in rates.items() if rate != (NEW if _is_new(name) else OLD)}
    if wrong and all(name.startswith("fc.") for name in wrong):
        return "classifier-forgotten"
    return "attention-forgotten" if wrong and all("attention" in name for name in wrong) else None
