"""Write the tables of README.md and benchmarks/README.md from attention.csv; attention.py does so when it is done.

python benchmarks/tables.py
"""

import re
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
SHOWN = ("fused", "readable", "timm", "authors", "torchvision", "torch.compile")


def modules(timings: pd.DataFrame, group: str, layout: str, shown: tuple[str, ...] = SHOWN) -> str:
    """Ratios to the naive construction, one row for each shape and mode."""
    rows = timings[(timings.group == group) & (timings["memory format"] == layout)]
    names = [name for name in shown if name in set(rows.what)]
    lines = [["shape", "mode", *names, "kept: fused", "kept: readable"]]
    for (shape, mode), found in rows.groupby(["shape", "mode"], sort=False):
        by_name = found.set_index("what")
        ratios = [f"{by_name.ratio.get(name, float('nan')):.2f}" for name in names]
        kept = [f"{by_name['saved/input'][name]:.2f}" for name in ("fused", "readable")]
        lines.append([shape.replace("x", "×"), mode, *ratios, *(kept if mode == "training" else ["", ""])])
    return _markdown(lines)


def network(timings: pd.DataFrame) -> str:
    """A whole ResNet-50, ratios to the plain one."""
    rows = timings[timings.group.str.startswith("ResNet-50")]
    names = list(dict.fromkeys(rows.what))
    lines = [["memory format", "mode", *names]]
    for (layout, mode), found in rows.groupby(["memory format", "mode"], sort=False):
        ratios = found.set_index("what").ratio.reindex(names)
        lines.append([layout, mode, *("" if pd.isna(ratio) else f"{ratio:.2f}" for ratio in ratios)])
    return _markdown(lines)


def course(timings: pd.DataFrame) -> str:
    """What learners wait for, in seconds."""
    rows = timings[timings["shape"].isna()]
    lines = [["what", "seconds"]]
    lines += [[f"{r.group}: {r.what}", f"{r.milliseconds / 1000:.2f}"] for r in rows.itertuples()]
    return _markdown(lines)


def machine(timings: pd.DataFrame) -> str:
    """Where and when it was measured."""
    first = timings.iloc[0]
    return f"{first.processor}, {first.threads} thread, torch {first.torch}, {first.date}."


def _markdown(lines: list[list[str]]) -> str:
    head, *rows = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, "|---" * len(lines[0]) + "|", *rows])


def filled(text: str, timings: pd.DataFrame) -> str:
    """Return the text with every table between its markers made anew."""
    made = {
        "machine": machine(timings),
        "cbam": modules(timings, "CBAM", "contiguous_format"),
        "cbam-channels-last": modules(timings, "CBAM", "channels_last"),
        "cbam-short": modules(timings, "CBAM", "contiguous_format", ("fused", "readable", "timm", "authors")),
        "se": modules(timings, "SE", "contiguous_format"),
        "network": network(timings),
        "course": course(timings),
    }

    def table(found: re.Match) -> str:
        return f"<!-- timings: {found[1]} -->\n{made[found[1]]}\n<!-- end -->"

    return re.sub(r"<!-- timings: ([\w-]+) -->\n.*?<!-- end -->", table, text, flags=re.DOTALL)


def main() -> None:
    """Write both files."""
    timings = pd.read_csv(Path(__file__).with_name("attention.csv"))
    for path in (ROOT / "README.md", ROOT / "benchmarks" / "README.md"):
        path.write_text(filled(path.read_text(encoding="utf-8"), timings), encoding="utf-8")


if __name__ == "__main__":
    main()
