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
# **Goal** Write the three steps of SE, then the module, and find a bug that raises no error.
#
# Write your answer into the empty cell, run it, then run the cell with `check`. Checking is free: do it as often as
# you like. `hint("task-id")` gives one hint at a time, three for each task.

# %%
import torch
from torch import nn

from cbam_course import check, progress

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
# ### To think about
#
# * Which of your answers would still be right if SE used the maximum instead of the average?
# * The check of task 4 never looked at the names in your class. How could it tell an SE block from a block with the
#   sigmoid in the wrong place?
# * Every check of a gate needs an input with more than one image. Which mistakes would a batch of one hide?

# %%
progress()
