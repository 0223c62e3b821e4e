"""How an answer to the task insert-by-hand is examined; the words stand in insert_by_hand.toml beside it."""

import copy

import torch
from torch import nn

from ...networks.resnet import BasicBlock
from ..values import close, show


class Attention(nn.Module):
    """Stands for the attention: scales every channel differently and notes what arrives."""

    def __init__(self, channels: int):
        super().__init__()
        self.scale = nn.Parameter(torch.linspace(0.2, 0.9, channels))
        self.arrived: list[torch.Tensor] = []

    def forward(self, x):
        self.arrived.append(x.detach().clone())
        scale = self.scale if x.shape[1] == len(self.scale) else self.scale.mean().expand(x.shape[1])
        return x * scale.view(1, -1, 1, 1)


def _block(channels: int, seed: int) -> BasicBlock:
    """A block with random weights and BatchNorm statistics, so that every map in it is another one."""
    block, generator = BasicBlock(channels, channels), torch.Generator().manual_seed(seed)
    for name, value in block.state_dict().items():
        if value.is_floating_point():
            fresh = torch.randn(value.shape, generator=generator) * 0.7
            value.copy_(fresh.abs() + 0.5 if name.endswith("var") else fresh)
    return block.eval()


@torch.no_grad()
def _maps(block: BasicBlock, x) -> dict[str, torch.Tensor]:
    """The maps of the plain block, each under the mistake of whoever hands it to the attention."""
    first = block.conv1(x)
    middle = torch.relu(block.bn1(first))
    second = block.conv2(middle)
    branch = block.bn2(second)
    wrong = {
        "wrong-norm": block.bn1(first),
        "wrong-norm relu": middle,
        "before-batchnorm": first,
        "input-passed": second,
    }
    after = {"after-addition": branch + x, "after-addition relu": torch.relu(branch + x)}
    return {"": branch, **wrong, **after}


def examine(insert, find):
    """A block with random weights and a recorder; then a deepcopy whose attention is changed."""
    block, x = _block(6, seed=1), torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(2))
    maps, keys, attention = _maps(block, x), list(block.state_dict()), Attention(6)
    got = insert(block, attention)
    is_block = isinstance(got, nn.Module)
    yield find("returned", got is block, "new-block" if is_block else None, got=show(type(got).__name__))
    if not is_block:
        return
    changed = got.eval()
    with torch.no_grad():
        output = changed(x.clone())
    runs = list(attention.arrived)
    yield _place(runs, maps, got, find)
    expected = torch.relu(x + Attention(6)(maps[""]).detach())
    ignored = runs and close(output, torch.relu(x + maps[""]))
    yield find("value", close(output, expected), "nothing-returned" if ignored else None, got=show(output))
    owned = any(module is attention for module in changed.modules())
    yield find("registered", owned, "not-registered", got="a block that does not hold the attention")
    missing = [key for key in keys if key not in changed.state_dict()]
    yield find("keys", not missing, "keys-changed", missing=", ".join(missing))
    yield _copied(changed, x, output, owned, find)


def _place(runs, maps, block, find):
    mistake = "runs-twice" if len(runs) > 1 else None if runs else "not-inserted"
    if len(runs) == 1:
        met = (slug for slug, value in maps.items() if slug and close(runs[0], value))
        mistake = next(met, "").partition(" ")[0] or None
        norms = (module for module in block.modules() if isinstance(module, nn.BatchNorm2d))
        # The same map leaves conv2 and enters bn2: a forward hook on a BatchNorm took its input.
        if mistake == "input-passed" and not any(norm._forward_hooks for norm in norms):
            mistake = "before-batchnorm"
    right = len(runs) == 1 and close(runs[0], maps[""])
    return find("place", right, mistake, got=f"{len(runs)} runs" if len(runs) != 1 else "another map")


@torch.no_grad()
def _copied(block, x, before, owned, find):
    """Close the copy's attention: the copy has to follow, and the original must not."""
    twin = copy.deepcopy(block)
    for module in twin.modules():
        if isinstance(module, Attention):
            module.scale.zero_()
    followed = close(twin(x.clone()), torch.relu(x))
    kept = close(block(x.clone()), before)
    got = (
        "a copy that still runs the original's attention" if not followed else "an original that changed too"
    )
    return find("copy", followed and kept, "closure" if owned else "not-registered", got=got)
