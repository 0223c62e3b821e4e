# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09 · What it costs: exercise
#
# **Goal** Count passes, mend what moves too many bytes, read a roofline, find out where a fast module is not the same module, and make
# the cheapest network that still does its work.
#
# Write your answer into the empty cell, run it, then run the cell with `check`. Checking is free: do it as often as
# you like. `hint("task-id")` gives one hint at a time, three for each task. No check looks at a clock: bytes are counted, so a busy
# computer changes nothing.

# %%
import torch
from torch import nn
from torch.nn import functional as F

from cbam_course import CBAM, SqueezeExcitation, check, fit, hint, make_scenes, progress
from cbam_course.inspection.cost import count_traffic
from cbam_course.networks.small_cnn import DenseCNN

# %% [markdown]
# ### Task 1 · Count passes (difficulty 2 of 5, 10 min)
#
# `x` and `y` are large feature maps (N, C, H, W), `g` is a gate (N, C, 1, 1). There are no gradients. One pass is a whole map read once and
# written once. How many passes does each line take? Every function is an operation of its own, as in the lesson.
#
# * **A** `x.relu_()`
# * **B** `x + y`
# * **C** `x.flatten(2).transpose(1, 2)`
# * **D** `torch.cat([x, y], dim=1)`
# * **E** `x * torch.sigmoid(x.mean((2, 3), keepdim=True) + x.amax((2, 3), keepdim=True))`
# * **F** `y + g * x`, the end of a residual block with a gate
#
# The answer is a dictionary with six numbers: `{"A": …, "B": …, …}`.

# %%
### BEGIN SOLUTION
passes = {"A": 1, "B": 1.5, "C": 0, "D": 2, "E": 2, "F": 2.5}
### END SOLUTION

# %%
check("count-passes", passes)

# %% [markdown]
# ### Task 2 · The slow line (difficulty 3 of 5, 12 min)
#
# This gate asks how far the surroundings of a position (5×5, zeros beyond the edge) lie above the mean of the channel. One of its lines
# makes it many times slower than it has to be. Find it, and write `mended(x)`: the same output for every `x`, in at most 10
# passes instead of about 30. `passes_of` counts them.


# %%
def slow(x):
    mean = x.mean((2, 3), keepdim=True)
    spread = x.std((2, 3), keepdim=True)
    windows = F.unfold(x, 5, padding=2).unflatten(1, (x.shape[1], 25))  # (N, C, 25, H * W)
    around = windows.mean(2).view_as(x)
    return x * torch.sigmoid((around - mean) / (spread + 1))


class AsModule(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def passes_of(function, x):
    """Passes in evaluation and in training (forward and backward), and maps kept for the backward pass."""
    traffic, size = count_traffic(AsModule(function), x), x.numel() * x.element_size()
    moved = traffic.evaluation_moved, traffic.training_moved
    return *(round(value / (2 * size), 2) for value in moved), round(traffic.saved / size, 2)


print("evaluation, training, kept:", passes_of(slow, torch.randn(4, 8, 32, 32)))


# %%
def mended(x):
    ### BEGIN SOLUTION
    mean = x.mean((2, 3), keepdim=True)
    spread = x.std((2, 3), keepdim=True)
    around = F.avg_pool2d(x, 5, stride=1, padding=2)
    return x * torch.sigmoid((around - mean) / (spread + 1))
    ### END SOLUTION


# %%
check("slow-line", mended)

# %% [markdown]
# ### Task 3 · A faster pool with the same gradient (difficulty 3 of 5, 12 min)
#
# This pool returns the mean of the **two largest** values of each channel. Write `top_two(x)`, (N, C, H, W) → (N, C), with the same values and
# the same gradient. In training (forward and backward pass) it may take at most 2.3 passes, and it may keep at most 1.1 maps. (No
# channel has equal values among its largest.)


# %%
def slow_pool(x):
    ordered = x.flatten(2).sort(dim=2).values
    return ordered[:, :, -2:].mean(2)


print("evaluation, training, kept:", passes_of(slow_pool, torch.randn(4, 8, 32, 32)))


# %%
def top_two(x):
    ### BEGIN SOLUTION
    return x.flatten(2).topk(2).values.mean(2)
    ### END SOLUTION


# %%
check("top-two", top_two)

# %% [markdown]
# ### Task 4 · Read a roofline (difficulty 3 of 5, 10 min)
#
# A processor moves 20 GB and does 100 billion operations a second. Four layers were measured on it:
#
# | layer | million operations | MB moved | milliseconds measured |
# |---|---|---|---|
# | a · 3×3 convolution | 500 | 2 | 6.0 |
# | b · depthwise 3×3 convolution | 9 | 4 | 0.25 |
# | c · a gate | 1 | 6 | 0.90 |
# | d · a linear layer for one image | 8 | 16 | 0.82 |
#
# Which of these statements follow? Hand in their letters, as in `"BF"`.
#
# * **A** The roof bends at 5 operations per byte.
# * **B** With twice the bandwidth, *a* could take about half the time.
# * **C** As long as it moves these bytes, *b* cannot take less than 0.2 ms here.
# * **D** *c* has reached its limit: it can become faster only if it moves fewer bytes.
# * **E** With numbers of half the size and as many operations, *d* could take about half the time.
# * **F** With twice the operations per second and the same memory, *b* could take about half the time.
# * **G** Without changing operations or bytes, *c* can gain the largest factor of the four.
# * **H** *d* does fewer operations than *b* and takes longer, so one of the two was measured wrongly.

# %%
### BEGIN SOLUTION
letters = "ACEG"
### END SOLUTION

# %%
check("read-a-roofline", letters)

# %% [markdown]
# ### Task 5 · Fast, and not the same (difficulty 4 of 5, 15 min)
#
# A colleague has written CBAM's spatial half anew: it goes through the channels eight at a time and keeps a running sum and a running
# maximum. On random numbers it agrees with `CBAM` to the last digits, in output and gradient. Two things are wrong all the same. Find
# inputs that show them, float32 tensors (N, 16, H, W) with N, H and W from 1 to 16 and no value beyond ±10:
#
# * `"output"`: an input on which the two **outputs** differ by more than 0.001;
# * `"gradient"`: an input on which the outputs agree (within 0.00001), and the **gradients** of their sums with respect to x differ by more
#   than 0.001. Such inputs turn up in real networks, behind every ReLU.
#
# The answer is a dictionary: `{"output": tensor, "gradient": tensor}`.


# %%
class FastCBAM(CBAM):
    def forward(self, x):
        gated = x * self.channel.gate(x)
        total = largest = torch.zeros_like(gated[:, :1])
        for eight in gated.split(8, dim=1):
            total = total + eight.sum(1, keepdim=True)
            largest = torch.maximum(largest, eight.amax(1, keepdim=True))
        maps = torch.cat([total / x.shape[1], largest], dim=1)
        return gated * torch.sigmoid(self.spatial.conv(maps))


torch.manual_seed(0)
readable, fast = CBAM(16), FastCBAM(16)
fast.load_state_dict(readable.state_dict())


def differences(x):
    """Largest difference of the outputs, and of the gradients of their sums."""
    x = x.clone().requires_grad_()
    one, other = readable(x), fast(x)
    gradients = [torch.autograd.grad(y.sum(), x)[0] for y in (one, other)]
    return (one - other).abs().max().item(), (gradients[0] - gradients[1]).abs().max().item()


print(differences(torch.randn(4, 16, 8, 8)))

# %%
### BEGIN SOLUTION
_behind_a_relu = torch.rand(1, 16, 6, 6)
_behind_a_relu[:, :, 2, 3] = 0  # a position at which no channel answers
counterexamples = {"output": -torch.rand(1, 16, 6, 6), "gradient": _behind_a_relu}
### END SOLUTION

# %%
check("fast-not-equal", counterexamples)

# %% [markdown]
# ### Task 6 · The cheapest network that does it (difficulty 3 of 5, 15 min)
#
# The task is `what`: mark the shape whose colour the patch in the corner shows. `DenseCNN` with CBAM in each of its three blocks does it. Make
# one that is cheaper: fewer channels, another module, attention in fewer places; whatever you like. Train it with `train_it`, and hand in the
# trained network. The check shows it 150 fresh scenes. It passes with a mean IoU of at least **0.40** at no more than
# **1.10 MiB** moved for each scene. (`widths` gives the channels; `network.blocks[i].attention` is the place in block i.)


# %%
def moved(network):
    """MiB that the network moves for one scene, in evaluation."""
    return count_traffic(network, torch.randn(8, 3, 48, 48)).evaluation_moved / 8 / 2**20


def train_it(network):
    """Train in place, for ten seconds or less; return the mean IoU on other scenes."""
    train, test = make_scenes(1000, task="what", seed=12), make_scenes(150, task="what", seed=13)
    settings = {"epochs": 8, "batch_size": 16, "learning_rate": 0.03, "progress": False}
    return fit(network, train.dense, test.dense, **settings).final


def with_attention(channels):
    return CBAM(channels, 4)


print(f"CBAM in all blocks: {moved(DenseCNN(attention=with_attention)):.2f} MiB")

# %%
_ = torch.manual_seed(0)
### BEGIN SOLUTION
network = DenseCNN(widths=(8, 16, 32), attention=lambda channels: SqueezeExcitation(channels, 4))
print(f"{train_it(network):.2f} with {moved(network):.2f} MiB")
### END SOLUTION

# %%
check("cheapest-network", network)

# %% [markdown]
# ### To think about
#
# * In task 6, what would have been cheaper still for a machine that is limited by arithmetic?
# * Your answer to task 3 keeps less than the slow pool. Does it matter if x is kept anyway, by the product that follows?
# * How would you have found the two inputs of task 5 without reading the code?

# %%
progress()
