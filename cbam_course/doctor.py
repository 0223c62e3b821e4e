"""The doctor: what this computer has, what the course needs, and the cure where the two differ."""

import os
import platform
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from .storage import course_home

GIB = 2**30
_OLDEST_PYTHON = ">=3.11"
_SHOWN = ("torch", "torchvision", "numpy", "jupyterlab")
# Hosted notebooks bring their own Jupyter; without these a lesson still runs.
_OPTIONAL = ("jupyterlab", "nbval", "ipywidgets")
_DATA = {"CIFAR-10": "cifar-10-batches-py", "Oxford-IIIT Pet": "oxford-iiit-pet", "blood cells": "bccd-voc"}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report: ``state`` is "ok", "warn" or "fail"; ``cure`` says what to do."""

    state: str
    says: str
    cure: str = ""


@dataclass(frozen=True)
class Doctor:
    """The doctor's report. ``str(report)`` is plain text, Jupyter shows a table."""

    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing has failed; warnings leave the course usable."""
        return all(finding.state != "fail" for finding in self.findings)

    def __str__(self) -> str:
        return "\n".join(_line(finding) for finding in self.findings)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = (
            f"<tr><td><code>[{finding.state}]</code></td>"
            f"<td style='text-align:left'>{escape(finding.says)}"
            f"{f'<br><b>Cure:</b> {escape(finding.cure)}' if finding.cure else ''}</td></tr>"
            for finding in self.findings
        )
        return f"<table>{''.join(rows)}</table>"


def _line(finding: Finding) -> str:
    cure = f"\n{'':7}Cure: {finding.cure}" if finding.cure else ""
    return f"{f'[{finding.state}]':<7}{finding.says}{cure}"


def device():
    """Return the ``torch.device`` that the lessons compute on: CUDA where there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def by_device(cpu: int, gpu: int) -> int:
    """Return the number for the device that the lessons compute on: more images cost little on a GPU.

    Args:
        cpu: the number without a GPU.
        gpu: the number with one.
    """
    return gpu if device().type == "cuda" else cpu


def doctor() -> Doctor:
    """Examine this computer and return a report; never raises."""
    examinations = (_python, _packages, _restart, _torchvision, _device, _memory, _home, _data)
    return Doctor(tuple(finding for examine in examinations for finding in _guarded(examine)))


def _guarded(examine: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(examine())
    except Exception as error:
        what = examine.__name__.strip("_")
        return [Finding("warn", f"{what}: could not be examined ({type(error).__name__}: {error})")]


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    found = f"Python {version} on {platform.system()} {platform.machine()}"
    if SpecifierSet(_OLDEST_PYTHON).contains(version, prereleases=True):
        yield Finding("ok", found)
    else:
        cure = f"install Python {_OLDEST_PYTHON}, then run `make lab` again."
        yield Finding("fail", f"{found}: the course needs {_OLDEST_PYTHON}", cure)


def _packages() -> Iterator[Finding]:
    wanted = [Requirement(line) for line in metadata.requires("cbam-course") or [] if "extra ==" not in line]
    good = {}
    for requirement in wanted:
        found = _installed(requirement.name)
        if found and requirement.specifier.contains(found, prereleases=True):
            good[requirement.name] = found
            continue
        state = "warn" if requirement.name in _OPTIONAL else "fail"
        says = f"{requirement.name}: the course needs {requirement.specifier}, found {found or 'none'}"
        yield Finding(state, says, f'pip install --upgrade "{requirement}", then restart the kernel.')
    named = ", ".join(f"{name} {good[name]}" for name in _SHOWN if name in good)
    yield Finding("ok", f"packages: {named}; {len(good)} of {len(wanted)} are as the course needs them")


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _restart() -> Iterator[Finding]:
    """Find packages that were upgraded while this kernel ran: half of the old one is still loaded."""
    for name in ("numpy", "torch", "torchvision", "matplotlib", "pandas"):
        running, found = getattr(sys.modules.get(name), "__version__", None), _installed(name)
        if running and found and running.split("+")[0] != found.split("+")[0]:
            says = f"{name} {running} is loaded, but {found} is installed"
            yield Finding("fail", says, "restart the kernel (menu Kernel, Restart).")


def _torchvision() -> Iterator[Finding]:
    try:
        import torchvision.ops  # noqa: F401
    except Exception as error:
        says = f"torchvision does not work with this torch: {str(error).splitlines()[0]}"
        cure = "pip install --upgrade torch torchvision (both in one command), then restart the kernel."
        yield Finding("fail", says, cure)


def _device() -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        yield _cuda(torch)
        return
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    extras = [word for flag, word in (("avx512_bf16", "bf16"), ("amx_bf16", "AMX")) if capabilities.get(flag)]
    level = ", ".join([torch.backends.cpu.get_cpu_capability(), *extras])
    yield Finding(
        "ok", f"device: CPU with {torch.get_num_threads()} threads ({level}); every lesson runs on it"
    )
    if shutil.which("nvidia-smi"):
        cuda = torch.version.cuda
        build = f"is built for CUDA {cuda}" if cuda else "is a build for the CPU only"
        cure = "install the torch for your driver (https://pytorch.org/get-started/locally/), or use the CPU."
        yield Finding(
            "warn", f"device: an NVIDIA driver is here, but this torch {build} and cannot use it", cure
        )


def _cuda(torch) -> Finding:
    gpu = torch.cuda.get_device_properties(0)
    says = f"device: {gpu.name}, compute capability {gpu.major}.{gpu.minor}, {gpu.total_memory / GIB:.0f} GiB"
    try:
        torch.ones(1, device="cuda").add(1).item()
    except RuntimeError as error:
        cure = "restart the kernel; if it stays, set CUDA_VISIBLE_DEVICES= (empty) to use the CPU."
        return Finding("fail", f"{says}, does not compute: {str(error).splitlines()[0]}", cure)
    # torch.cuda.is_bf16_supported() counts emulation too, which is slow.
    return Finding("ok", f"{says}{', bf16' if gpu.major >= 8 else ''}")


def _memory() -> Iterator[Finding]:
    import psutil

    memory = psutil.virtual_memory()
    says = (
        f"memory: {memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB free; a lesson takes up to 2"
    )
    if memory.available >= 2 * GIB:
        yield Finding("ok", says)
    else:
        yield Finding("warn", says, "shut down other kernels and programs.")


def _home() -> Iterator[Finding]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        home = course_home()
    free = shutil.disk_usage(home).free / GIB
    says = f"progress: kept in {home}, {free:.1f} GiB free on that disk"
    problem = _cannot_write(home)
    if caught:
        yield Finding("warn", str(caught[-1].message))
    elif problem:
        cure = "set CBAM_COURSE_HOME to a folder that you can write to."
        yield Finding(
            "warn", f"progress: what is in {home} is read, but nothing new can be kept ({problem})", cure
        )
    elif free < 1:
        yield Finding("warn", says, "free a gigabyte; notebooks and checkpoints need room.")
    else:
        yield Finding("ok", says)


def _cannot_write(folder: Path) -> str:
    """Return why nothing can be written to a folder, "" if it can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"0")
        return ""
    except OSError as error:
        return error.strerror or str(error)


def _data() -> Iterator[Finding]:
    given = os.environ.get("CBAM_COURSE_DATA")
    folder, name = (Path(given), "CBAM_COURSE_DATA") if given else (Path("data"), "data/")
    if given and not folder.is_dir():
        cure = "set CBAM_COURSE_DATA to the folder that holds the data sets, or unset it."
        yield Finding("warn", f"data: CBAM_COURSE_DATA is {given}, which is no folder", cure)
    found = [title for title, place in _DATA.items() if (folder / place).is_dir()]
    more = f"{' and '.join(found)} found in {name}" if found else "lessons that use more say how to get it"
    yield Finding("ok", f"data: scenes and photographs come with the course; {more}")
