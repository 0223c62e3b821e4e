"""The files around the code agree with each other and belong to no machine."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import cbam_course

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"pytorch": "torch"}
PATHS = re.compile(r"(?<![\w./-])/(?:work|root|home/\w+|Users/\w+|workspace|opt/wheels)/")


def tracked():
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = ["git", "ls-files", "-z"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def requirements(lines):
    parsed = [Requirement(line) for line in lines]
    return {CONDA_NAMES.get(found.name, found.name): found.specifier for found in parsed}


def test_conda_and_pip_ask_for_the_same_versions():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    conda = requirements(line for line in listed if isinstance(line, str) and line != "pip")
    pip = requirements([*PROJECT["dependencies"], f"python{PROJECT['requires-python']}"])
    assert conda == pip
    assert {"pip": ["-e ."]} in listed


def test_one_version_stands_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert PROJECT["version"] == cbam_course.__version__ == citation["version"]
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_contributing_says_why_each_dependency_is_here():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    names = [Requirement(line).name for line in [*PROJECT["dependencies"], *extras]]
    assert not [name for name in names if f"`{name}`" not in text and name != PROJECT["name"]]


def test_versions_with_known_holes_are_left_out():
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    asked = requirements(line for line in [*PROJECT["dependencies"], *extras] if "[" not in line)
    for name, version in (("tqdm", "4.66.2"), ("jupyterlab", "4.2.4")):
        assert not asked[name].contains(version)
    # Four versions on PyPI carried a miner that was not in the repository.
    taken_over = ["8.3.41", "8.3.42", "8.3.45", "8.3.46"]
    assert not any(asked["ultralytics"].contains(version) for version in taken_over)
    assert asked["ultralytics"].contains("8.3.47")
    installs = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert all(f"!={version}" in installs for version in taken_over)


def workflows():
    return {
        path.name: path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml")
    }


def test_workflows_use_actions_by_commit_and_keep_no_credentials():
    for name, text in workflows().items():
        used = re.findall(r"uses: (\S+)", text)
        assert used, name
        assert [action for action in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action)] == []
        steps = [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
        checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
        assert checkouts
        assert all(step.get("with", {}).get("persist-credentials") is False for step in checkouts)


def test_the_index_of_pytorch_is_asked_for_torch_alone():
    texts = {**workflows(), "Makefile": (ROOT / "Makefile").read_text(encoding="utf-8")}
    for name, text in texts.items():
        assert "EXTRA_INDEX" not in text.upper().replace("-", "_"), name
        lines = [line for line in text.splitlines() if "pip install" in line and "TORCH_INDEX" in line]
        assert all(
            re.search(r"install --no-deps --index-url \S+ torch\S* torchvision\S*( \|\||$)", s) for s in lines
        )
    assert "$(TORCH_INDEX)" in texts["Makefile"]


def test_the_readme_names_the_terms_of_what_is_carried_and_fetched():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    licence = text[text.index("## Licence") :]
    for word in ("CIFAR-10", "ImageNet", "Oxford-IIIT Pet", "BCCD", "resnet20_cifar10"):
        assert word in licence


def test_the_licences_are_named_and_here():
    assert PROJECT["license"] == "MIT AND CC-BY-4.0"
    assert "Permission is hereby granted, free of charge" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    text = (ROOT / "LICENSE-text").read_text(encoding="utf-8")
    assert "Creative Commons Attribution 4.0 International" in text
    assert "https://creativecommons.org/licenses/by/4.0/" in text


def test_no_tracked_file_knows_a_path_of_a_machine():
    found = []
    for path in tracked():
        if path.suffix in {".png", ".jpg", ".npz", ".safetensors"} or path == Path(__file__):
            continue
        text = re.sub(r'"image/png": "[^"]*"', "", path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in PATHS.finditer(text)]
    assert not found


def test_nothing_of_a_learner_is_tracked():
    names = [path.relative_to(ROOT).as_posix() for path in tracked()]
    assert not [
        name
        for name in names
        if name.startswith(("work/", "data/", ".venv/")) or ".ipynb_checkpoints" in name
    ]


@pytest.mark.parametrize("target", ["lab", "test", "browser-test", "notebooks", "lint"])
def test_make_knows_every_target_that_it_explains(target):
    if not shutil.which("make"):
        pytest.skip("no make on this computer")
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith(f"# make {target}") for line in lines)
    dry = ["make", "--dry-run", target]
    assert subprocess.run(dry, cwd=ROOT, capture_output=True, check=True).stdout
