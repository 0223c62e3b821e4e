"""Where work lives: on this computer, or in Google Drive when a notebook runs in Colab."""

import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest

from cbam_course import home
from cbam_course.home import course_home
from cbam_course.workspace import keep_work


def test_progress_lives_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("CBAM_COURSE_HOME", str(tmp_path / "a" / "b"))
    assert course_home() == tmp_path / "a" / "b"
    assert course_home().is_dir()


def test_without_a_setting_progress_lives_in_the_folder_for_user_data(tmp_path, monkeypatch):
    monkeypatch.delenv("CBAM_COURSE_HOME")
    monkeypatch.setattr(home, "user_data_dir", lambda name, appauthor: str(tmp_path / name))
    assert course_home() == tmp_path / "cbam-course"


def test_a_home_that_cannot_be_written_gives_one_sentence_and_a_temporary_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CBAM_COURSE_HOME", str(tmp_path / "file" / "home"))
    with pytest.warns(UserWarning, match=r"progress cannot be kept in .*Set CBAM_COURSE_HOME") as caught:
        found = course_home()
    assert len(caught) == 1
    assert found.is_dir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert course_home() == found
    found.rmdir()


class _Drive:
    """Stands for ``google.colab.drive``: a mount makes the folder, or fails as a declined question does."""

    def __init__(self, problem: BaseException | None = None):
        self.problem, self.asked = problem, []

    def mount(self, place):
        self.asked.append(place)
        if self.problem:
            raise self.problem
        (Path(place) / "MyDrive").mkdir(parents=True)


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """Pretend that this is Colab: its module, its folders, and a session that has kept something."""
    module = ModuleType("google.colab")
    module.drive = _Drive()
    monkeypatch.setitem(sys.modules, "google", ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", module)
    monkeypatch.setattr(home, "_DRIVE", tmp_path / "drive")
    monkeypatch.setattr(home, "user_data_dir", lambda name, appauthor: str(tmp_path / "session"))
    monkeypatch.setenv("CBAM_COURSE_HOME", "")  # so that what keep_work sets is taken back
    module.kept = tmp_path / "drive" / "MyDrive" / "cbam_course"
    return module


def test_outside_colab_nothing_happens(capsys, monkeypatch, tmp_path):
    keep_work()
    assert capsys.readouterr().out == ""
    assert course_home() == tmp_path / "home"


def test_in_colab_work_goes_to_the_drive_and_a_sentence_says_where(colab, capsys):
    keep_work()
    assert colab.drive.asked == [str(home._DRIVE)]
    assert colab.kept.is_dir()
    assert course_home() == colab.kept
    said = capsys.readouterr().out
    assert said.startswith("Progress and trained networks are kept in your Google Drive, folder cbam_course")
    assert said.count("\n") == 1


def test_a_drive_that_is_there_already_is_not_asked_for_again(colab):
    (home._DRIVE / "MyDrive").mkdir(parents=True)
    keep_work()
    assert colab.drive.asked == []
    assert course_home() == colab.kept


def test_what_the_session_has_kept_before_is_carried_over_once(colab, monkeypatch):
    before = course_home()
    (before / "checkpoints").mkdir()
    (before / "checkpoints" / "a.safetensors").write_bytes(b"weights")
    (before / "progress.jsonl").write_bytes(b'{"task": "b"}\n{"task": "c"}\n')
    colab.kept.mkdir(parents=True)
    (colab.kept / "progress.jsonl").write_bytes(b'{"task": "a"}\n{"task": "b"}')
    for _ in range(2):
        monkeypatch.setenv("CBAM_COURSE_HOME", "")
        keep_work()
        assert (colab.kept / "checkpoints" / "a.safetensors").read_bytes() == b"weights"
        lines = (colab.kept / "progress.jsonl").read_text(encoding="utf-8").splitlines()
        assert lines == ['{"task": "a"}', '{"task": "b"}', '{"task": "c"}']


def test_a_file_in_the_drive_is_never_replaced(colab):
    (course_home() / "a.safetensors").write_bytes(b"new")
    colab.kept.mkdir(parents=True)
    (colab.kept / "a.safetensors").write_bytes(b"old")
    keep_work()
    assert (colab.kept / "a.safetensors").read_bytes() == b"old"


def test_a_new_session_finds_what_the_last_one_checked(colab, monkeypatch, tmp_path):
    from cbam_course.checks.progress import append, passed_tasks

    keep_work()
    append({"task": "cbam", "status": "passed"})
    monkeypatch.setenv("CBAM_COURSE_HOME", "")
    monkeypatch.setattr(home, "user_data_dir", lambda name, appauthor: str(tmp_path / "another machine"))
    assert passed_tasks() == set()
    keep_work()
    assert passed_tasks() == {"cbam"}


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (ValueError("mount failed"), "mount failed"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_without_the_drive_one_sentence_says_how_to_save(colab, capsys, tmp_path, problem, reason):
    colab.drive.problem = problem
    keep_work()
    said = capsys.readouterr().out
    assert "Google Drive could not be used" in said
    assert reason in said
    assert "File → Save a copy in Drive (or File → Download)" in said
    assert said.count("\n") == 1
    assert course_home() == tmp_path / "session"


def test_the_drive_is_not_asked_for_when_it_is_not_wanted(colab, capsys, tmp_path):
    keep_work(drive=False)
    assert colab.drive.asked == []
    assert capsys.readouterr().out.startswith("Google Drive is not used, so progress lasts as long as this")
    assert course_home() == tmp_path / "session"


def test_a_folder_of_ones_own_stays_in_charge(colab, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("CBAM_COURSE_HOME", str(tmp_path / "mine"))
    keep_work()
    assert colab.drive.asked == []
    assert str(tmp_path / "mine") in capsys.readouterr().out
