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
# # 02 · Squeeze-and-Excitation: exercise
#
# **Goal** Write the squeeze and the module, find a bug that raises no error, fool SE, and put it into a network that
# was written without it.
#
# Write your answer into the empty cell, run it, then run the cell with `check`. Checking is free: do it as often as
# you like. `hint("task-id")` gives one hint at a time, three for each task.

# %%
import torch
from torch import nn

from cbam_course import check, fit, hint, make_scenes, progress

# %% [markdown]
# ### Task 1 · Squeeze (difficulty 1 of 5, 5 min)
#
# Write `squeeze(x)`: from a feature map of the shape (N, C, H, W) the average of each channel, shape (N, C). It has
# to work for maps of any size.


# %%
def squeeze(x):
    ### BEGIN SOLUTION
    return x.mean(dim=(2, 3))
    ### END SOLUTION


# %%
check("squeeze", squeeze)

# %% [markdown]
# ### Task 2 · The gate by hand (difficulty 2 of 5, 8 min)
#
# An image has two channels with the averages **(3, 1)**. The layers have no biases, and
#
# $$W_1 = \begin{pmatrix} 1 & -2 \\ -1 & 1 \end{pmatrix} \qquad W_2 = \begin{pmatrix} 2 & 1 \\ -1 & 1 \end{pmatrix}$$
#
# Compute the gate of both channels, with ReLU in between, to two decimals. Paper first; the value of the sigmoid may
# come from a calculator: σ(0.5) = 0.62, σ(1) = 0.73, σ(2) = 0.88, σ(3) = 0.95, and σ(−a) = 1 − σ(a).

# %%
### BEGIN SOLUTION
gate_by_hand = (0.88, 0.27)
### END SOLUTION

# %%
check("excite-by-hand", gate_by_hand)

# %% [markdown]
# ### Task 3 · How many parameters? (difficulty 1 of 5, 3 min)
#
# An SE block for **256** channels with reduction ratio **16**, without biases. How many parameters does it have?

# %%
### BEGIN SOLUTION
number_of_parameters = 8192
### END SOLUTION

# %%
check("se-parameters", number_of_parameters)

# %% [markdown]
# ### Task 4 · The module (difficulty 3 of 5, 15 min)
#
# Write `SqueezeExcitation(in_channels, reduction_ratio)`. Input and output have the shape (N, C, H, W). The hidden
# layer has `in_channels // reduction_ratio` units, but at least one. ReLU after the first layer, a sigmoid after
# the second; biases or not is up to you, and so is how you write the layers.


# %%
class SqueezeExcitation(nn.Module):
    def __init__(self, in_channels, reduction_ratio=16):
        super().__init__()
        ### BEGIN SOLUTION
        hidden = max(1, in_channels // reduction_ratio)
        self.reduce = nn.Linear(in_channels, hidden, bias=False)
        self.expand = nn.Linear(hidden, in_channels, bias=False)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        z = x.mean(dim=(2, 3))
        gate = torch.sigmoid(self.expand(torch.relu(self.reduce(z))))
        return x * gate[:, :, None, None]
        ### END SOLUTION


# %%
check("squeeze-excitation", SqueezeExcitation)

# %% [markdown]
# ### Task 5 · A gate that trains and still does harm (difficulty 3 of 5, 10 min)
#
# This function scales a feature map, given the gate's logits of the shape (N, C). It runs without an error on the
# author's test, a map of 8 channels with 8 × 8 pixels. It is wrong. Find out what it does, and write
# `scale_channels(x, logit)` so that each **channel** is multiplied by the sigmoid of its own logit, for any N, C, H, W.


# %%
def scale_channels_with_bug(x, logit):
    gate = torch.softmax(logit, dim=1)
    return x * gate[:, None, None]


# %%
def scale_channels(x, logit):
    ### BEGIN SOLUTION
    gate = torch.sigmoid(logit)
    return x * gate[:, :, None, None]
    ### END SOLUTION


# %%
check("se-scale-bug", scale_channels)

# %% [markdown]
# ### Task 6 · An image that fools SE (difficulty 3 of 5, 8 min)
#
# Write `fool(x)`. It returns another feature map of the same shape, with two properties: **no SE block gives it another
# gate** than x, whatever its weights; and the **largest value of every channel** is another one, by at least 0.1, in each
# image. (You may rely on this: no channel of x is nearly constant. Its largest value is at least 0.5 above its average.)


# %%
def fool(x):
    ### BEGIN SOLUTION
    mean = x.mean(dim=(2, 3), keepdim=True)
    return mean + 2 * (x - mean)
    ### END SOLUTION


# %%
check("fool-se", fool)

# %% [markdown]
# ### Task 7 · SE in a network that was written without it (difficulty 3 of 5, 12 min)
#
# `make_network()` builds a network of three blocks for the scenes of the lesson; its author never thought of attention.
# `train_it(network)` trains it in place for a few seconds and returns its mean IoU on the test scenes.
#
# Make two networks: one as it is, and one with an SE block (r = 4) at the end of **each** of the three blocks. Train both
# and write both scores down: `result = {"plain": (network, score), "SE": (network, score)}`. Use your own
# `SqueezeExcitation` from task 4 if it passed, or import the one of `cbam_course`.


# %%
def make_network():
    """(N, 3, 48, 48) -> (N, 48, 48), one logit for each pixel."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU(),
        nn.Conv2d(48, 1, 1), nn.Upsample(scale_factor=4, mode="bilinear"), nn.Flatten(1, 2),
    )  # fmt: skip


def train_it(network):
    train, test = make_scenes(1000, task="what", seed=12), make_scenes(300, task="what", seed=13)
    settings = {"epochs": 6, "batch_size": 16, "learning_rate": 0.03, "progress": False}
    return fit(network, train.dense, test.dense, **settings).final


# %%
### BEGIN SOLUTION
plain, with_se = make_network(), make_network()
for place, channels in ((11, 48), (8, 32), (4, 16)):
    with_se.insert(place, SqueezeExcitation(channels, 4))
result = {"plain": (plain, train_it(plain)), "SE": (with_se, train_it(with_se))}
### END SOLUTION

# %%
check("se-in-a-network", result)

# %% [markdown]
# ### To think about
#
# * Which of your answers would still be right if SE used the maximum instead of the average?
# * Would your function of task 6 fool a gate that reads the maximum as well? Write one that fools both.
# * The check of task 4 never looked at the names in your class. How could it tell an SE block from a block with the
#   sigmoid in the wrong place?
# * Every check of a gate needs an input with more than one image. Which mistakes would a batch of one hide?

# %%
progress()
