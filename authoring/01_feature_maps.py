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
# # 01 · Feature maps and broadcasting
#
# **You will be able to**
#
# * read a tensor (N, C, H, W), and pool it over space or over channels;
# * predict what broadcasting does with (N, C, 1, 1) and (N, 1, H, W), and catch the mistakes that raise no error;
# * take a feature map out of a network with a hook, and leave nothing behind.
#
# **Time** 25 minutes of reading. The cells run in a few seconds.
#
# **Before this** [lesson 00](00_start_here.ipynb); you have seen a convolution and a bit of PyTorch.

# %%
import torch
from torch import nn

from cbam_course.data.photos import load_photo
from cbam_course.inspection import plots
from cbam_course.networks.small_cnn import FilterBank

# %% [markdown]
# ## The question
#
# A network does not work on an image for long. After its first layer it works on a **feature map**: many pictures of
# the same scene, one for each filter. What does such a picture show? We take eight 5×5 filters that we chose by hand,
# so that each has a name.

# %%
photo = load_photo("chelsea", size=160)
filters = FilterBank()
x = filters(photo[None] / 255)
plots.show_maps(x[0], filters.names, columns=4, size=1.9)

# %% [markdown]
# *What to see: eight maps of a cat's face. "red" is faintly filled by the orange fur; "light" is brightest in the
# pale background, "dark" at the rims of the eyes and in the shadows; the two edge maps draw the stripes and the lids;
# "spot" is faint; "green" shows the eyes, barely, and "blue" nothing.*
#
# Each map answers *where* for one kind of thing, and the whole stack answers *what* for each place. Attention, later,
# weighs one or the other.
#
# ## Four axes
#
# **Predict, then run.** One photo of 160 × 241 pixels went in. What shape does the feature map have?

# %% tags=["nbval-check-output"]
print(tuple(x.shape))

# %% [markdown]
# **N** images, **C** channels, **H** rows, **W** columns. The order is PyTorch's, and every axis has its own reading:
#
# * `x[n]` is one image's stack of maps, (C, H, W);
# * `x[n, c]` is one map, (H, W): *where* is feature c?
# * `x[n, :, i, j]` is one position, (C,): *what* is at row i, column j?

# %% tags=["nbval-check-output"]
here = x[0, :, 80, 120]
for name, value in zip(filters.names, here.tolist(), strict=True):
    print(f"{name:7} {value:.2f}")

# %% [markdown]
# The middle of this photo is rather light, a little reddish, and has little edge. Eight numbers say that, and a network
# with 512 channels says it in 512 numbers.
#
# ## Pooling over space: one number per channel
#
# **Pooling** replaces many values by one. Averaging over rows and columns asks each channel: *how much of you is in
# this image?* The maximum asks: *how strong is your strongest spot?* A map small enough to check by hand, two
# channels of 2 × 3:

# %%
small = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]], [[0.0, 0.0, 0.0], [0.0, 6.0, 0.0]]]])
plots.show_numbers(small[0], ["channel 0", "channel 1"])

# %% [markdown]
# *What to see: channel 0 holds 1, 2, 3 in its upper row and 4, 5, 9 in its lower; channel 1 holds a single 6 among
# zeros.*
#
# **Predict, then run.** Mean and maximum of both channels. What shape do the results have?

# %% tags=["nbval-check-output"]
print("mean   ", small.mean(dim=(2, 3)), tuple(small.mean(dim=(2, 3)).shape))
print("maximum", small.amax(dim=(2, 3)), tuple(small.amax(dim=(2, 3)).shape))

# %% [markdown]
# The means are 4 and 1, the maxima 9 and 6. The two summaries disagree about how much channel 1 matters, and lesson
# 03 is about that disagreement. What both have lost is the same: *where*.
#
# ## Pooling over channels: one number per position
#
# Now keep the positions and let the channels go. The mean over channels asks each place: *is anything here?* The
# maximum: *is there anything here that some filter likes very much?*
#
# **Predict, then run.** The mean over the two channels at the lower right corner. What shape does the result have?

# %% tags=["nbval-check-output"]
over_channels = small.mean(dim=1)
print(over_channels, tuple(over_channels.shape))

# %% [markdown]
# (9 + 0) / 2 = 4.5, and the shape is (N, H, W). What has been lost this time is *which* filter it was. The same two
# pools on the photo:

# %%
plots.show_maps([x[0].mean(0), x[0].amax(0)], ["mean over channels", "maximum over channels"], size=3)

# %% [markdown]
# *What to see: on the left a dark, flat picture in which the face is barely visible; on the right one with more contrast,
# in which dark places and light ones are both bright, because one of the filters likes each of them.*
#
# ## As a loop, then without one
#
# `dim=(2, 3)` is short. What it means is this:


# %%
def pool_space_loop(x):
    """(N, C, H, W) -> (N, C), one number at a time."""
    result = torch.zeros(x.shape[0], x.shape[1])
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            total = sum(x[n, c, i, j] for i in range(x.shape[2]) for j in range(x.shape[3]))
            result[n, c] = total / (x.shape[2] * x.shape[3])
    return result


# %% tags=["nbval-check-output"]
torch.manual_seed(0)
batch = torch.randn(2, 3, 4, 5)
torch.testing.assert_close(batch.mean(dim=(2, 3)), pool_space_loop(batch))
print("the loop and dim=(2, 3) agree")

# %% [markdown]
# ## Broadcasting: a small tensor meets a large one
#
# A gate is a small tensor of factors. To multiply a feature map by it, PyTorch lines the shapes up **from the right**
# and repeats every axis of length 1. Two cases carry this whole course:
#
# | gate | meeting (N, C, H, W), it is | each factor belongs to |
# |---|---|---|
# | (N, C, 1, 1) | repeated over all positions | one channel |
# | (N, 1, H, W) | repeated over all channels | one position |

# %%
channel_gate = torch.tensor([1.0, 0.1]).view(1, 2, 1, 1)
position_gate = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]).view(1, 1, 2, 3)
by_channel, by_position = small * channel_gate, small * position_gate
titles = ["0, by channel", "1, by channel", "0, by position", "1, by position"]
plots.show_numbers([*by_channel[0], *by_position[0]], titles)

# %% [markdown]
# *What to see: four small matrices. In the first two, channel 0 is as it was and channel 1 is ten times smaller
# everywhere. In the last two, the same three positions are zero in both channels.*
#
# **Predict, then run.** Which of these shapes can be multiplied with (2, 3, 4, 5), and what comes out? Write down six
# answers first.

# %% tags=["nbval-check-output"]
for shape in [(2, 3, 1, 1), (2, 1, 4, 5), (3, 1, 1), (5,), (2, 3), (1,)]:
    try:
        print(f"{shape!s:14}", tuple((batch * torch.ones(shape)).shape))
    except RuntimeError:
        print(f"{shape!s:14} does not fit")

# %% [markdown]
# (3, 1, 1) fits: read from the right, its 3 meets the channels, and all images share it. (5,) fits too, and its five
# factors meet the *columns*. (2, 3) does not fit, since 3 meets 5. That error is welcome.
#
# ## The mistakes that raise no error
#
# But no error is raised when sizes happen to be equal. Take a gate (N, C), forget the two axes, and use a map with as
# many columns as channels and as many rows as images:

# %% tags=["nbval-check-output"]
square = torch.ones(3, 3, 3, 3)
gate = torch.tensor([[1.0, 0.5, 0.0]]).repeat(3, 1)
wrong = square * gate
right = square * gate[:, :, None, None]
print("channel 1, wrong:\n", wrong[0, 1])
print("channel 1, right:\n", right[0, 1])

# %% [markdown]
# Both have the right shape. In the wrong one every channel has its columns scaled by 1, 0.5 and 0, and nothing
# complains. A test with equal sizes that looks only at the shape cannot see it. **Test with sizes that all differ**,
# as the loop above did with (2, 3, 4, 5).
#
# A second silent one: subtracting a mean that has lost its axes.

# %% tags=["nbval-check-output"]
columns = torch.tensor([[0.0, 2.0], [10.0, 20.0]])
print("rows minus their means, wrong:", (columns - columns.mean(dim=1)).tolist())
print("rows minus their means, right:", (columns - columns.mean(dim=1, keepdim=True)).tolist())

# %% [markdown]
# `keepdim=True` leaves an axis of length 1 where the pool was, so that the result fits back onto what it came from. It
# is the safer habit wherever a pooled value meets its own tensor again.
#
# ## Taking a feature map out of a network
#
# From a network of your own you can return whatever you like. For anybody else's there is the **forward hook**: a
# function that is called with a module's output whenever that module runs. If it returns a tensor, that takes the
# place of the output; if it returns nothing, it only looks on. It has to be removed afterwards, even if the network
# raises.


# %%
def feature_map_of(model, module, images):
    """Return what `module` puts out while `model` runs on `images`."""
    kept = []
    handle = module.register_forward_hook(lambda module, inputs, output: kept.append(output.detach()))
    try:
        model(images)
    finally:
        handle.remove()
    return kept[0]


# %%
torch.manual_seed(0)
network = nn.Sequential(nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 8, 5, padding=2), nn.ReLU())
first = feature_map_of(network, network[1], photo[None] / 255)
plots.show_maps(first[0], [f"channel {c}" for c in range(8)], columns=4, size=1.9)

# %% [markdown]
# *What to see: eight maps of the cat from a network that was never trained. Some look like a blurred photo, some are
# dark everywhere, some show edges.*
#
# Random filters already find edges and colours. That a map looks meaningful says little about whether a network uses
# it; exercise 01 asks you to find out by taking a channel away. Was the hook removed? The list of hooks should be empty.

# %% tags=["nbval-check-output"]
print("hooks left:", len(network[1]._forward_hooks))

# %% [markdown]
# For the gates of attention modules the package has such a hook ready: `capture`, which lesson 02 uses.
#
# A remark on memory: (N, C, H, W) is how we *name* the axes. In memory the channels may also lie innermost
# (`channels_last`), which makes convolutions faster on many processors. The shape, and all of this lesson, stay the
# same.
#
# ## What this does not show
#
# Filters with names are a teaching device. In a trained network a channel seldom stands for one thing that has a word,
# and one thing is seldom found in one channel alone. Reading a single map as "the cat detector" is a guess until it
# is tested.
#
# ## Three questions
#
# <details><summary>1. Both pools one after the other: first over space, then over channels. What is left, and does the order
# matter?</summary>
#
# One number for each image. For means the order does not matter, and neither does it for maxima. The mean of the
# maxima is not the maximum of the means.
# </details>
#
# <details><summary>2. A gate has the shape (C, 1, 1). What is different from (N, C, 1, 1)?</summary>
#
# It fits, and all images of the batch share it. An attention gate depends on its image, so it needs its N.
# </details>
#
# <details><summary>3. What does x * gate do if the gate is (N, 1, 1, 1)?</summary>
#
# It scales each image as a whole: neither channels nor positions are told apart.
# </details>
#
# ## Sources
#
# * PyTorch's documentation on broadcasting semantics and on `register_forward_hook`.
# * The photograph comes with scikit-image (CC0).
