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
# # 08 · What attention sees: exercise
#
# **Goal** Record what a layer puts out, score maps beside their controls, tell what a network needs by changing its
# gates, mend an overlay, referee a figure, and design a causal test with its control. Difficulty 2 to 4 of 5.
#
# Write your answer into the empty cell, run it, then run the cell with `check`. Checking is free: do it as often as
# you like.
#
# <details><summary>Stuck?</summary>
#
# `hint("capture-hook")` gives one hint at a time, three for each task; put in the id of the task you are working on.
# </details>

# %%
import torch
from torch.nn import functional as F

from cbam_course import ChannelAttention, check, fit, hint, make_scenes, progress
from cbam_course.inspection import plots
from cbam_course.inspection.interventions import changed_gates, measure_changes
from cbam_course.inspection.mystery import mystery_networks, paper_figure
from cbam_course.inspection.pointing import centre_maps, pointing_rate
from cbam_course.networks.small_cnn import DenseCNN
from cbam_course.training.fit import image_scores
from cbam_course.training.metrics import accuracy

# %% [markdown]
# ### Task 1 · Write down what a layer puts out (difficulty 3 of 5, 12 min)
#
# `capture` records gates. Write the more general `record_outputs(model, layer, batches)`: run the model on each batch,
# and return a list with what `layer` put out, one tensor for each time it ran, in order. A layer may run several times
# in a pass, it may be random, and the next layer may write into its output. The tensors are detached. Afterwards the
# model is as it was: no hook of yours is left, also when a pass raised an error (which the caller gets to see), and
# other people's hooks and the modes are untouched.


# %%
def record_outputs(model, layer, batches):
    ### BEGIN SOLUTION
    outputs = []
    handle = layer.register_forward_hook(
        lambda module, inputs, output: outputs.append(output.detach().clone())
    )
    try:
        for batch in batches:
            model(batch)
    finally:
        handle.remove()
    return outputs
    ### END SOLUTION


# %%
check("capture-hook", record_outputs)

# %% [markdown]
# ### Task 2 · A score with its controls (difficulty 3 of 5, 12 min)
#
# The pointing game looks at one pixel. The **energy** inside the mask looks at all of them: lift each map so that its
# smallest value is 0, and see which share of its sum lies inside. Write
# `energy_with_controls(maps, masks, untrained)`; all three are (N, H, W), `masks` are bool, `untrained` holds the maps
# of the network with random weights. Return four averages over the images: the energy of the maps, of another image's
# maps (`maps.roll(1, 0)`), of the untrained maps, and of a map that is the same everywhere. No map of the check is
# constant.


# %%
def energy_with_controls(maps, masks, untrained):
    ### BEGIN SOLUTION
    def energy(values):
        lifted = values - values.amin(dim=(1, 2), keepdim=True)
        return ((lifted * masks).sum(dim=(1, 2)) / lifted.sum(dim=(1, 2))).mean().item()

    return energy(maps), energy(maps.roll(1, 0)), energy(untrained), masks.float().mean().item()
    ### END SOLUTION


# %%
check("energy-with-controls", energy_with_controls)

# %% [markdown]
# ### Task 3 · Three equal maps (difficulty 3 of 5, 12 min)
#
# Three networks say whether something bright stands on the left or on the right. All are always right, and their gates
# are **the same to the last digit**. Still one of them needs its *map* (which position gets which number), one only the
# *average* of the map, and one *nothing* of it. Which is which? No picture can tell; interventions can.
#
# Write the three words in the order A, B, C, as `"map"`, `"average"` or `"nothing"`, and what each network's accuracy
# loses when the positions of its gate are permuted (0.25 for a fall from 1 to 0.75).

# %%
networks, images, labels = mystery_networks()
inputs = images[:3] / 127.5 - 1
maps = [network.attention.gate((inputs + 1) / 2)[n, 0] for network in networks.values() for n in range(3)]
plots.show_maps(maps, list("AAABBBCCC"), columns=9, size=1.3)

# %% [markdown]
# *What to see: three maps for each of A, B and C, bright at one small square. Those of A, B and C are the same.*

# %%
### BEGIN SOLUTION
needs = ("average", "map", "nothing")
_tables = [measure_changes(network, images, labels, accuracy) for network in networks.values()]
lost = tuple(-table.loc["permuted", "difference"] for table in _tables)
### END SOLUTION

# %%
check("which-map-matters", (needs, lost))

# %% [markdown]
# ### Task 4 · The overlay that lies beside the image (difficulty 3 of 5, 10 min)
#
# Behind poolings with a `stride` of 8 pixels in all, position i of a map has read the pixels 8·i to 8·i + 7, as far
# as pooling is concerned. This function lays the map over the image. In the picture the bright position has read the
# white square.


# %%
def overlay_with_a_bug(gate, height, width, stride):
    return F.interpolate(gate, size=(height, width), mode="bilinear", align_corners=True)[:, 0]


image, gate = torch.zeros(3, 47, 47), torch.zeros(1, 1, 5, 5)
image[:, 24:32, 32:40] = 1.0
gate[0, 0, 3, 4] = 1.0
plots.show_overlay(image, overlay_with_a_bug(gate, 47, 47, 8)[0])

# %% [markdown]
# *What to see: a white square at the right, a bright spot in the map, and in the overlay the spot beside the square, at
# the edge of the image.*
#
# Find out why it lies beside it, and write `overlay(gate, height, width, stride)`: gate (N, 1, height // stride,
# width // stride) to (N, height, width). Each pixel gets the value of the position that read it, unsmoothed; pixels that
# no position read get 0.


# %%
def overlay(gate, height, width, stride):
    ### BEGIN SOLUTION
    large = gate[:, 0].repeat_interleave(stride, dim=1).repeat_interleave(stride, dim=2)
    return F.pad(large, (0, width - large.shape[2], 0, height - large.shape[1]))
    ### END SOLUTION


# %%
check("misaligned-overlay", overlay)

# %% [markdown]
# ### Task 5 · Referee of a figure (difficulty 3 of 5, 12 min)
#
# A paper shows four maps, each rescaled to its own range, with the objects outlined, and writes: *our attention finds
# the object and suppresses the background*. You are the referee and have asked for the maps of all 200 images as they came out of the
# gate: `figure.maps`, `figure.masks`, and `figure.shown`, the numbers of the four.

# %%
figure = paper_figure()
four = figure.maps[figure.shown]
low, high = four.amin((1, 2), keepdim=True), four.amax((1, 2), keepdim=True)
plots.show_maps((four - low) / (high - low), masks=figure.masks[figure.shown], columns=4)

# %% [markdown]
# *What to see: four maps that fall off from a bright area in the middle, with the outlined object at the brightest
# place.*
#
# Compute three shares with `pointing_rate`: the hits among the four shown, among all, and those of a dot in the middle
# (`centre_maps(figure.masks)`) among all. Then say which statements all the maps bear out:
#
# * **A** The four images are typical of the 200.
# * **B** The map points at the object more often than a dot in the middle does.
# * **C** Where the map points hardly depends on the image.
# * **D** The gate lets the object through and suppresses the background.
# * **E** In more than half of the images the object covers the middle.
# * **F** The network needs this map.
# * **G** The contrast in the figure comes from rescaling.
#
# Hand in the letters, as in `"AB"`, and the three shares.

# %%
### BEGIN SOLUTION
letters = "CEG"
shares = (
    pointing_rate(four, figure.masks[figure.shown]),
    pointing_rate(figure.maps, figure.masks),
    pointing_rate(centre_maps(figure.masks), figure.masks),
)
### END SOLUTION

# %%
check("judge-the-figure", (letters, shares))

# %% [markdown]
# ### Task 6 · A causal test with its control (difficulty 4 of 5, 20 min)
#
# The claim: *a network with channel attention learns, in the task `what`, to read from its gates which colour is asked
# for.* Give each image the gates of another image, and the score falls. But perhaps any foreign gate does harm. The
# test needs a control: foreign gates that carry **the same colour**.
#
# Write `partners(colours, same)`: `colours` is int (N,), the colour each image asks for; return an int tensor (N,), for
# each image the number of **another** image, which asks for the same colour if `same` is true, and for a different one if it is not. Every
# colour comes at least twice, and there are at least two colours. Then train a `DenseCNN` with channel attention on
# dense `what` (`scenes.dense`; a thousand scenes and some ten seconds are enough), run your test, and hand in
# both.


# %%
def partners(colours, same):
    ### BEGIN SOLUTION
    chosen = []
    for number, colour in enumerate(colours):
        fits = (colours == colour) == same
        fits[number] = False
        chosen.append(torch.nonzero(fits)[0, 0])
    return torch.stack(chosen)
    ### END SOLUTION


# %%
### BEGIN SOLUTION
torch.manual_seed(0)
reader = DenseCNN(attention=lambda channels: ChannelAttention(channels, 4))
_train, _validation = make_scenes(1000, task="what", seed=1), make_scenes(100, task="what", seed=2)
fit(reader, _train.dense, _validation.dense, epochs=8, batch_size=32, learning_rate=0.01, progress=False)
### END SOLUTION

# %% [markdown]
# Your test, on scenes that the network has not seen:


# %%
def run_test(network, scenes):
    print(f"untouched: mean IoU {image_scores(network, scenes.dense).mean():.2f}")
    for same, word in ((True, "the same colour"), (False, "another colour")):
        chosen = partners(scenes.asked_colour, same)
        with changed_gates(network, lambda gate, generator, chosen=chosen: gate[chosen], kind="channel"):
            print(f"gates of an image with {word}: {image_scores(network, scenes.dense).mean():.2f}")


if isinstance(reader, DenseCNN):
    run_test(reader, make_scenes(200, task="what", seed=3))

# %%
check("same-or-other", (partners, reader))

# %% [markdown]
# ### To think about
#
# * What would the test of task 6 have said of `trained_what("spatial")`, which has no channel gates?
# * The energy of task 2 rises when a gate's darkest pixel is darkened. Is that a merit or a fault?
# * A reviewer asks for Grad-CAM pictures as evidence that your module works. What do you send instead?

# %%
progress()
