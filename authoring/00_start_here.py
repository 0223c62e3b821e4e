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
# # 00 · Start here
#
# **You will be able to**
#
# * say what this course is about, and in which order it gets there;
# * tell whether your computer is ready, and what the course does with it;
# * use `check`, `hint` and `progress`, and read what they say.
#
# **Time** 15 minutes. The cells run in a few seconds.
#
# ## What this course is about
#
# A convolutional network turns an image into a stack of **feature maps**: dozens of pictures, each bright where its
# filter found something. Two questions come up at once.
#
# * *Which* of these maps matter for this image? **Squeeze-and-Excitation** (SE, 2018) answers with one factor for
#   each map, computed from the averages over the whole image. It does not know where anything is.
# * And *where* in the image? **CBAM** (2018) goes further in two steps: **channel attention**, which reads the
#   average and the maximum of each map through one small shared network, and **spatial attention**, which gives
#   each position a factor of its own.
#
# Both are small, and both can be put into any convolutional network. They are said to help with small objects and
# with segmentation, the marking of an object's pixels. You will build them from single tensor operations, insert
# them, measure what they do, look at the factors that they compute (their **gates**), and learn to judge what is said
# about them. Wherever the course makes a claim, it tests it, beside the simplest thing that might do as well.
# Sometimes that simple thing wins.
#
# <!-- lessons -->
#
# Words and symbols stand in the [glossary](../GLOSSARY.md).
#
# ## Is this computer ready?
#
# The doctor looks at versions, device, memory, disk and data. Each line begins with `[ok]`, `[warn]` or `[fail]`, and
# says what to do where something is wrong. A laptop without a GPU and without an internet connection is fine.

# %%
from cbam_course.doctor import doctor

report = doctor()
report.healthy

# %% [markdown]
# `True` means that nothing is broken. Run `report` in a cell of its own to see every line; here they would show the
# computer that made this page and not yours.
#
# ## The data: scenes
#
# Most lessons use *scenes*: small shapes on coloured clutter, made by code in a second. Nothing is downloaded, and
# the right answer is known for every pixel. That makes them instruments: a part of a network can be shown to matter,
# or not to.
#
# In the task **where**, the red shape is the target, and the others distract. The network has to name its shape.

# %%
from cbam_course import make_scenes
from cbam_course.inspection import plots

where = make_scenes(6, task="where", seed=1)
names = [where.class_names[label] for label in where.labels]
plots.show_images(where.images, names, masks=where.masks, size=1.7)

# %% [markdown]
# *What to see: six scenes of 48 × 48 pixels, each with five shapes on noisy coloured blotches. The red one has a white
# outline, and its name stands above: that is the answer. The outline is not part of the image.*
#
# A network that solves this has to tell shapes apart; it need not see far. So it is a fair first exercise, and lesson 07
# uses it to show how a comparison goes wrong.
#
# In the task **what**, a patch in the corner says by its colour which shape is asked for. The patch is far away
# from the shapes, and a network that looks at small windows never sees both at once.

# %%
what = make_scenes(6, task="what", seed=1)
names = [what.class_names[label] for label in what.labels]
plots.show_images(what.images, names, masks=what.masks, size=1.7)

# %% [markdown]
# *What to see: six scenes with three shapes in three colours and a square patch in the top left corner. The outlined
# shape has the colour of the patch, and its name stands above.*
#
# In the task **near**, each blue disc has a small flag at some distance, and the discs with a red flag are asked for.
# A plain network of the course, one without attention, does not see from a disc to its flag. What does, and what does
# not, is the question of lessons 03 to 05.

# %%
near = make_scenes(6, task="near", seed=1)
counts = [f"{label} red" for label in near.labels]
plots.show_images(near.images, counts, masks=near.masks, size=1.7)

# %% [markdown]
# *What to see: six scenes with three blue discs each. Among the specks of clutter are three small square flags, red
# or cyan, at some distance from the discs and not easy to find by eye. The outlined discs are those whose flag is
# red, one or two of the three; their number stands above.*
#
# Real photographs come in as well. Four travel with the course.

# %%
from cbam_course.data.photos import PHOTOS, load_photo

plots.show_images([load_photo(name, size=160) for name in PHOTOS], list(PHOTOS), columns=4, size=2.2)

# %% [markdown]
# *What to see: a cat's face; an astronaut in front of a flag and a model of a shuttle; a cup of coffee on a wooden
# table; a rocket on its launch pad at dusk.*
#
# ## How an exercise works
#
# A task asks for a function, a class or a value. You write it, run its cell, and hand it to `check`. Take this one:
# *from a batch of images (N, C, H, W), return the mean brightness of each image, shape (N,).* The axes are images,
# channels, rows and columns; lesson 01 explains them.
#
# Nothing written yet: the check says so, and that costs nothing.

# %%
from cbam_course import check, hint


def brightness(images):
    raise NotImplementedError


check("warm-up", brightness)

# %% [markdown]
# Now an answer that looks right and is not. Run it and read the report from top to bottom: what holds, what fails,
# what was expected and what came, and the likely mistake by its name.


# %%
def brightness(images):
    return images.mean()


check("warm-up", brightness)

# %% [markdown]
# Your function was run on several batches; how it is written was not looked at. So a right answer may be written in any
# way you like. The report ends with the smallest batch found on which your function goes wrong, beside what should have come
# out. If that is not enough, ask for a hint; there are three for each task.

# %%
hint("warm-up")

# %% [markdown]
# And a right answer.


# %%
def brightness(images):
    return images.flatten(1).mean(dim=1)


check("warm-up", brightness)

# %% [markdown]
# ## Where your work is
#
# * `make lab` copies the exercises into the folder `work/`. Write there. When the course is updated, an exercise that you
#   have edited is never overwritten: the new one is put beside it, and a sentence says so.
# * `python -m cbam_course reset 02` gives you a fresh copy of exercise 02 and keeps the old one.
# * Your progress is one small file; `progress()` shows the table and says where the file is. Copy it to take your
#   progress to another computer.
#
# In Colab, switch off the suggestions of code while you exercise, or the answer stands there before you have thought: open
# *Tools → Settings*, and untick *Show AI-powered inline completions* under *AI Assistance* and *Automatically trigger code
# completions* under *Editor*.

# %%
plots.draw_settings(
    "Tools → Settings",
    ["Site", "Editor", "AI Assistance", "Miscellaneous"],
    {
        "AI Assistance": [("Show AI-powered inline completions", False)],
        "Editor": [("Automatically trigger code completions", False)],
    },
)

# %% [markdown]
# *What to see: a drawing, not a screenshot, of two pages of Colab's settings. On the page AI Assistance the box "Show
# AI-powered inline completions" is empty, and so is "Automatically trigger code completions" on the page Editor. The
# wording may change with Colab.*
#
# ## Guess first
#
# In some places a lesson asks you to predict what a cell will print. If you like, write your guess down with
# `predict("name", value, sure=0.8)`, where `sure` is how sure you are, from 0 to 1. Nothing is asked of you, and nothing is
# graded. `progress()` shows how often you were right beside how sure you were; lesson 07 comes back to that.
#
# ## What this does not do
#
# The checks look at behaviour on inputs that we chose. They find the mistakes that people make, and they have been
# tried on hundreds of right and wrong answers. A function built to fool them would fool them.
#
# ## Three questions
#
# <details><summary>1. Your answer is right and written quite differently from the solution. Will it pass?</summary>
#
# It should: no check looks at your names, your layers or the order of your operations. If it does not, that is a fault
# of the course.
# </details>
#
# <details><summary>2. A check says "not attempted". Is that bad?</summary>
#
# No. It means that the function still raises NotImplementedError, or that the value is still None.
# </details>
#
# <details><summary>3. You fail a task that you had passed before. Is the pass lost?</summary>
#
# No. Progress only grows.
# </details>
#
# ## Sources
#
# * J. Hu, L. Shen, G. Sun: *Squeeze-and-Excitation Networks*, CVPR 2018.
# * S. Woo, J. Park, J.-Y. Lee, I. S. Kweon: *CBAM: Convolutional Block Attention Module*, ECCV 2018.
# * The photographs come with scikit-image and are in the public domain or CC0.
