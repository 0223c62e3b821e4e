"""Train the mistakes of the museum beside the right modules: ``python tools/make_museum.py``.

What is trained stands in ``results/museum.toml``, which has to be committed first. The wrong modules are those of
``tests/answers``. Writes ``results/museum.csv``, the score on validation images after every epoch, and
``results/museum.npz``: for the first seed two scenes, each network's answer to them, and what its last attention lets
through. Killed and started again it goes on. About twenty minutes on one core.
"""

import hashlib
import subprocess
import tomllib
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from judge_bank import FOLDER, load_bank
from torch import nn

from cbam_course import fit
from cbam_course.attention import CBAM, ChannelAttention
from cbam_course.data.photos import to_float
from cbam_course.data.scenes import scene_splits
from cbam_course.experiments.run import commit, versions
from cbam_course.inspection.capture import let_through
from cbam_course.networks.small_cnn import DenseCNN
from cbam_course.storage import write_whole

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
SHOWN = 2  # scenes in the pictures
RATIO, KERNEL = 4, 7


def read_settings() -> tuple[dict, str]:
    """Return what is to be trained, and the hash of the file that says so.

    Raises:
        SystemExit: the file is not committed as it is.
    """
    raw = (RESULTS / "museum.toml").read_bytes()
    git = ["git", "-C", str(ROOT), "show", "HEAD:results/museum.toml"]
    if subprocess.run(git, capture_output=True).stdout != raw:
        raise SystemExit("results/museum.toml is not committed as it is; commit it first.")
    return tomllib.loads(raw.decode()), hashlib.sha256(raw).hexdigest()[:12]


def exhibits(instrument: dict) -> dict[str, type | None]:
    """Return the exhibits of an instrument by name; ``None`` stands for the right module."""
    found: dict[str, type | None] = {"right": None}
    for task, slug in instrument["mistakes"]:
        found[slug] = wrapped(task, load_bank(FOLDER, task).wrong[slug][0])
    return found


def wrapped(task: str, wrong: type):
    """Return a factory of the wrong module for c channels; a spatial part stands behind the right channel part."""
    if task == "channel-attention":
        return lambda c: wrong(c, RATIO)
    if task == "spatial-attention":
        return lambda c: nn.Sequential(ChannelAttention(c, RATIO), wrong(KERNEL))
    return lambda c: wrong(c, RATIO, KERNEL)


def right(task: str):
    """Return the factory of the package's module."""
    return {"channel-attention": lambda c: ChannelAttention(c, RATIO), "cbam": lambda c: CBAM(c, RATIO)}[task]


def train(instrument: dict, factory, seed: int):
    """Return the trained network, its history and the validation scenes."""
    train_set, validation, _ = scene_splits(
        instrument["images"], task=instrument["task"], seed=seed, validation=instrument["validation"], test=1
    )
    torch.manual_seed(seed)
    model = DenseCNN(attention=factory)
    history = fit(
        model, train_set.dense, validation.dense, epochs=instrument["epochs"], seed=seed,
        batch_size=instrument["batch_size"], learning_rate=instrument["learning_rate"],
        device="cpu", precision="float32", threads=1, progress=False,
    )  # fmt: skip
    return model, history, validation


def pictures(name: str, model: DenseCNN, validation) -> dict[str, np.ndarray]:
    """Return what the museum shows of a network: its answers, and what its last attention lets through."""
    images = validation.images[:SHOWN]
    channels, positions = let_through(model, images)
    with torch.no_grad():
        answer = model(to_float(images)).sigmoid()
    return {
        f"{name}/answer": (255 * answer).round().byte().numpy(),
        f"{name}/channels": channels.numpy().astype(np.float32),
        f"{name}/positions": positions.numpy().astype(np.float32),
    }


def main() -> None:
    """Train what is missing, and write each run down as it ends."""
    settings, digest = read_settings()
    made_by = {"settings": digest, "commit": commit(), "versions": versions()}
    table, maps = RESULTS / "museum.csv", RESULTS / "museum.npz"
    rows = pd.read_csv(table) if table.exists() else pd.DataFrame()
    shown = dict(np.load(maps)) if maps.exists() else {}
    done = set() if rows.empty else set(zip(rows["data"], rows["model"], rows["seed"], strict=True))
    for title in ("what", "near"):
        instrument = settings[title]
        for seed in settings["seeds"]:
            for name, factory in exhibits(instrument).items():
                if (title, name, seed) in done:
                    continue
                model, history, validation = train(instrument, factory or right(instrument["right"]), seed)
                size = sum(p.numel() for p in model.parameters())
                rate = instrument["learning_rate"]
                what = {"data": title, "model": name, "seed": seed, "learning_rate": rate, "parameters": size}
                new = [
                    {"epoch": e.epoch, "accuracy": round(e.score, 5)} | what | made_by for e in history.epochs
                ]
                if seed == settings["seeds"][0]:
                    shown |= pictures(f"{title}/{name}", model, validation)
                    shown[f"{title}/images"] = validation.images[:SHOWN].numpy()
                    shown[f"{title}/masks"] = validation.masks[:SHOWN].numpy()
                    stream = BytesIO()
                    np.savez_compressed(stream, **shown)
                    write_whole(maps, stream.getvalue())
                rows = pd.concat([rows, pd.DataFrame(new)], ignore_index=True)
                write_whole(table, rows.to_csv(index=False, lineterminator="\n").encode())
                print(title, name, seed, round(history.final, 3), flush=True)


if __name__ == "__main__":
    main()
