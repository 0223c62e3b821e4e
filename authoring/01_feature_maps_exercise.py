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
# # 01 · Feature maps and broadcasting: exercise
#
# **Goal** Find which channel is active and where, predict what broadcasting does, mend a bug that raises no error, and run
# a network without one of its channels.
#
# Write your answer into the empty cell, run it, then run the cell with `check`. `hint("task-id")` gives one hint at a
# time, three for each task.

# %%
import torch
from torch import nn

from cbam_course import check, hint, progress

# %% [markdown]
# ### Task 1 · Which and where (difficulty 2 of 5, 8 min)
#
# Write `which_and_where(x)`: for each image of a feature map (N, C, H, W), find the channel with the largest **mean**, and
# the **row** and the **column** at which this channel has its largest value. Return whole numbers `[channel, row, column]`
# for each image, as one tensor of the shape (N, 3). All counting begins at 0.


# %%
def which_and_where(x):
    ### BEGIN SOLUTION
    channel = x.mean(dim=(2, 3)).argmax(dim=1)
    place = x[torch.arange(len(x)), channel].flatten(1).argmax(dim=1)
    return torch.stack([channel, place // x.shape[3], place % x.shape[3]], dim=1)
    ### END SOLUTION


# %%
check("which-and-where", which_and_where)

# %% [markdown]
# ### Task 2 · Predict the shapes (difficulty 2 of 5, 5 min)
#
# A feature map has the shape **(2, 8, 5, 8)**. It is multiplied by a tensor of each of these shapes:
#
# a) (2, 8, 1, 1)   b) (2, 1, 5, 8)   c) (8,)   d) (2, 8)   e) (8, 1, 1)
#
# On paper, without running anything: which axis of the feature map does the **8** of c), d) and e) meet? Answer with
# three words, each one of `"channels"`, `"columns"` or `"error"` (if the product does not exist).

# %%
### BEGIN SOLUTION
the_eights = ("columns", "error", "channels")
### END SOLUTION

# %%
check("which-axis", the_eights)

# %% [markdown]
# ### Task 3 · Scale positions (difficulty 2 of 5, 5 min)
#
# Write `scale_positions(x, gate)`: x has the shape (N, C, H, W), the gate (N, H, W) holds one factor for each position.
# Multiply every channel of an image by that image's gate.


# %%
def scale_positions(x, gate):
    ### BEGIN SOLUTION
    return x * gate.unsqueeze(1)
    ### END SOLUTION


# %%
check("scale-positions", scale_positions)

# %% [markdown]
# ### Task 4 · Find the bug (difficulty 3 of 5, 8 min)
#
# This function shall subtract from every channel of every image its own mean. Its author tested it on a map of the
# shape (4, 4, 4, 4), saw no error, and was content. It is wrong even there. Write `centre(x)` so that it is right for
# any shape.


# %%
def centre_with_bug(x):
    return x - x.mean(dim=(2, 3))


# %%
def centre(x):
    ### BEGIN SOLUTION
    return x - x.mean(dim=(2, 3), keepdim=True)
    ### END SOLUTION


# %%
check("centre-bug", centre)

# %% [markdown]
# ### Task 5 · Read the maps (difficulty 2 of 5, 5 min)
#
# Three channels of one feature map. In which channel is something **small and strong**? In which one is something
# **everywhere and weak**? Look at the numbers that the cell prints, and answer with the two channel numbers, in that
# order.

# %%
generator = torch.Generator().manual_seed(7)
maps = torch.rand(1, 3, 24, 24, generator=generator) * 0.1
maps[0, 0, 5:8, 14:17] += 2.0
maps[0, 2] += 0.5
print("mean   ", maps.mean((2, 3))[0].tolist())
print("maximum", maps.amax((2, 3))[0].tolist())

# %%
### BEGIN SOLUTION
small_then_everywhere = (0, 2)
### END SOLUTION

# %%
check("read-the-maps", small_then_everywhere)

# %% [markdown]
# ### Task 6 · A network without a channel (difficulty 4 of 5, 12 min)
#
# A map may look meaningful and be of no use. One way to find out is to take a channel away and see what the network does then.
#
# Write `without_channel(model, name, channel, images)`: run the model on the images, with one channel of the output of its
# submodule `name` (as in `model.get_submodule(name)`) set to 0 in all images, and return what the **whole model** puts out.
#
# Nothing else may change. No hook is left behind, even if the model raises; the weights stay; and if another part of the
# network uses the same tensor, it still sees the channel.


# %%
def without_channel(model, name, channel, images):
    ### BEGIN SOLUTION
    def hook(module, inputs, output):
        changed = output.clone()
        changed[:, channel] = 0
        return changed

    handle = model.get_submodule(name).register_forward_hook(hook)
    try:
        return model(images)
    finally:
        handle.remove()
    ### END SOLUTION


# %%
check("without-a-channel", without_channel)

# %% [markdown]
# Try it on a small network of your own, such as this one:

# %%
network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1))

# %% [markdown]
# ### To think about
#
# * Which sizes would you choose for a test of task 4, and why?
# * In task 2, for which shape of the feature map would d) raise no error and be wrong?

# %%
progress()
