"""The doctor: one line for each finding, a cure for each problem, and never an exception."""

import shutil
import types
from importlib import metadata

import psutil
import pytest
import torch

from cbam_course import doctor as examinations
from cbam_course.doctor import GIB, Doctor, Finding, device, doctor


def findings(examine):
    return [(finding.state, finding.says) for finding in examine()]


def one(examine):
    (finding,) = examine()
    return finding


def test_a_report_has_a_line_for_each_examination_and_is_healthy_here():
    report = doctor()
    assert isinstance(report, Doctor)
    assert report.healthy, str(report)
    for word in ("Python 3.", "packages: torch", "device: ", "memory: ", "progress: kept in", "data: scenes"):
        assert word in str(report)


def test_a_report_reads_as_plain_text_and_as_a_table():
    report = Doctor((Finding("ok", "a < b"), Finding("fail", "no torch", "pip install torch")))
    assert str(report) == "[ok]   a < b\n[fail] no torch\n       Cure: pip install torch"
    assert repr(report) == str(report)
    assert "a &lt; b" in report._repr_html_()
    assert "<b>Cure:</b> pip install torch" in report._repr_html_()


@pytest.mark.parametrize(("state", "healthy"), [("ok", True), ("warn", True), ("fail", False)])
def test_only_a_failure_makes_a_report_unhealthy(state, healthy):
    assert Doctor((Finding(state, "says"),)).healthy is healthy


def test_an_examination_that_breaks_becomes_a_warning(monkeypatch):
    def broken(*_):
        raise RuntimeError("no such thing")

    monkeypatch.setattr(psutil, "virtual_memory", broken)
    lines = str(doctor()).splitlines()
    assert "[warn] memory: could not be examined (RuntimeError: no such thing)" in lines


def test_an_old_python_fails_with_the_version_to_install(monkeypatch):
    monkeypatch.setattr(examinations.platform, "python_version", lambda: "3.10.9")
    finding = one(examinations._python)
    assert finding.state == "fail"
    assert "3.10.9" in finding.says
    assert "install Python >=3.11" in finding.cure


@pytest.mark.parametrize(("found", "state"), [("0.2.0", "fail"), (None, "fail"), ("99.0.dev1", "ok")])
def test_a_package_that_is_old_or_missing_fails_with_the_command(monkeypatch, found, state):
    monkeypatch.setattr(
        examinations.metadata, "requires", lambda name: ["numpy>=1.26", 'ruff; extra == "test"']
    )
    monkeypatch.setattr(examinations, "_installed", lambda name: found)
    finding = next(iter(examinations._packages()))
    assert finding.state == state
    assert ('pip install --upgrade "numpy>=1.26"' in finding.cure) == (state == "fail")
    assert "ruff" not in str(list(examinations._packages()))


def test_a_missing_jupyterlab_is_only_a_warning_because_hosted_notebooks_have_their_own(monkeypatch):
    monkeypatch.setattr(examinations.metadata, "requires", lambda name: ["jupyterlab>=4.2"])
    monkeypatch.setattr(examinations, "_installed", lambda name: None)
    assert next(iter(examinations._packages())).state == "warn"


def test_the_oldest_python_is_the_one_of_the_package():
    assert metadata.metadata("cbam-course")["Requires-Python"] == examinations._OLDEST_PYTHON


def test_a_package_upgraded_under_a_running_kernel_asks_for_a_restart(monkeypatch):
    assert findings(examinations._restart) == []
    monkeypatch.setattr(torch, "__version__", "1.0.0+cpu")
    finding = one(examinations._restart)
    assert finding.state == "fail"
    assert finding.says.startswith("torch 1.0.0+cpu is loaded, but ")
    assert "restart the kernel" in finding.cure


def test_a_torchvision_for_another_torch_fails_with_one_command_for_both(monkeypatch):
    assert findings(examinations._torchvision) == []
    monkeypatch.setitem(examinations.sys.modules, "torchvision.ops", None)  # importing it now raises
    finding = one(examinations._torchvision)
    assert finding.state == "fail"
    assert "pip install --upgrade torch torchvision" in finding.cure


@pytest.mark.parametrize(("available", "kind"), [(True, "cuda"), (False, "cpu")])
def test_the_device_is_cuda_where_there_is_one(monkeypatch, available, kind):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert device().type == kind


def test_a_driver_that_torch_cannot_use_is_a_warning(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert one(examinations._device).says.startswith("device: CPU with ")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(torch.version, "cuda", None)
    _, warning = examinations._device()
    assert warning.state == "warn"
    assert "this torch is a build for the CPU only" in warning.says


@pytest.mark.parametrize("works", [True, False])
def test_a_gpu_is_named_and_tried(monkeypatch, works):
    def ones(*_, **__):
        if works:
            return torch.zeros(1)
        raise RuntimeError("no kernel image is available\nmore lines")

    gpu = types.SimpleNamespace(name="Card", major=8, minor=0, total_memory=16 * GIB)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: gpu)
    stub = types.SimpleNamespace(cuda=torch.cuda, ones=ones)
    finding = examinations._cuda(stub)
    assert finding.says.startswith("device: Card, compute capability 8.0, 16 GiB")
    assert finding.state == ("ok" if works else "fail")
    assert finding.says.endswith("bf16" if works else "no kernel image is available")


@pytest.mark.parametrize(("free", "state"), [(3, "ok"), (1, "warn")])
def test_little_memory_is_a_warning(monkeypatch, free, state):
    memory = types.SimpleNamespace(available=free * GIB, total=8 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert one(examinations._memory).state == state


@pytest.mark.parametrize(("free", "state"), [(3, "ok"), (0.5, "warn")])
def test_little_disk_is_a_warning(monkeypatch, free, state):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=free * GIB))
    assert one(examinations._home).state == state


def test_a_home_that_cannot_be_written_is_a_warning(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CBAM_COURSE_HOME", str(tmp_path / "file"))
    finding = one(examinations._home)
    assert finding.state == "warn"
    assert "Set CBAM_COURSE_HOME" in finding.says


def test_a_home_that_can_be_read_only_is_a_warning(monkeypatch, tmp_path):
    def refused(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(examinations.tempfile, "TemporaryFile", refused)
    finding = one(examinations._home)
    assert finding.state == "warn"
    assert "is read, but nothing new can be kept (Read-only file system)" in finding.says
    assert "set CBAM_COURSE_HOME" in finding.cure


def test_data_are_looked_for_where_the_setting_says(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CBAM_COURSE_DATA", raising=False)
    assert "lessons that use more say how to get it" in one(examinations._data).says
    (tmp_path / "data" / "oxford-iiit-pet").mkdir(parents=True)
    assert "Oxford-IIIT Pet found in data/" in one(examinations._data).says
    (tmp_path / "mine" / "cifar-10-batches-py").mkdir(parents=True)
    monkeypatch.setenv("CBAM_COURSE_DATA", str(tmp_path / "mine"))
    assert one(examinations._data).says.endswith("CIFAR-10 found in CBAM_COURSE_DATA")
    monkeypatch.setenv("CBAM_COURSE_DATA", str(tmp_path / "typo"))
    warning, built_in = examinations._data()
    assert (warning.state, built_in.state) == ("warn", "ok")
    assert "unset it" in warning.cure


def test_numbers_go_by_the_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert examinations.by_device(100, gpu=400) == 100
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert examinations.by_device(100, gpu=400) == 400
