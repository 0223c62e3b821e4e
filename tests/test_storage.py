"""Where work lives, on this computer or in Google Drive, and how a file is written whole or not at all."""

import errno
import os
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest

from cbam_course import storage
from cbam_course.storage import course_home, keep_work, rename_new, write_new, write_whole


def test_progress_lives_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("CBAM_COURSE_HOME", str(tmp_path / "a" / "b"))
    assert course_home() == tmp_path / "a" / "b"
    assert course_home().is_dir()


def test_without_a_setting_progress_lives_in_the_folder_for_user_data(tmp_path, monkeypatch):
    monkeypatch.delenv("CBAM_COURSE_HOME")
    monkeypatch.setattr(storage, "user_data_dir", lambda name, appauthor: str(tmp_path / name))
    assert course_home() == tmp_path / "cbam-course"


UNUSABLE = {
    "a file in the way": lambda folder: str(folder / "file" / "home"),
    "a file in its place": lambda folder: str(folder / "file"),
    "an unknown user": lambda folder: "~no-such-user-here/x",
    "a name that is too long": lambda folder: str(folder / ("x" * 5000)),
}


@pytest.mark.parametrize("unusable", UNUSABLE.values(), ids=UNUSABLE)
def test_a_home_that_cannot_be_made_gives_one_sentence_and_a_temporary_folder(
    tmp_path, monkeypatch, unusable
):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CBAM_COURSE_HOME", unusable(tmp_path))
    with pytest.warns(UserWarning, match=r"progress cannot be kept in .*Set CBAM_COURSE_HOME") as caught:
        found = course_home()
    assert len(caught) == 1
    assert found.is_dir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert course_home() == found
    found.rmdir()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


NOBODY = """
import os, sys, warnings
warnings.simplefilter("ignore")
os.environ.clear()
os.path.expanduser = lambda path: path   # what it does for a user whom the computer does not know
from cbam_course.storage import course_home
print(course_home())
"""


def test_without_a_home_folder_nothing_lands_in_the_working_folder(tmp_path):
    run = [sys.executable, "-c", NOBODY]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    found = Path(done.stdout.strip())
    assert found.is_absolute()
    assert "~" not in str(found)
    assert list(tmp_path.iterdir()) == []
    found.rmdir()


def test_where_nothing_can_be_written_at_all_a_home_is_named_all_the_same(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setenv("CBAM_COURSE_HOME", str(tmp_path / "new"))
    monkeypatch.setattr(storage.tempfile, "mkdtemp", refused)
    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.warns(UserWarning, match="Permission denied"):
        assert not course_home().exists()


@pytest.mark.parametrize("problem", [errno.ENOSPC, errno.EROFS])
def test_what_a_home_keeps_is_found_even_if_nothing_more_can_be_written(tmp_path, monkeypatch, problem):
    def refused(*_, **__):
        raise OSError(problem, os.strerror(problem))

    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "progress.jsonl").write_text('{"task": "cbam", "status": "passed"}\n')
    monkeypatch.setattr(storage.tempfile, "TemporaryFile", refused)
    monkeypatch.setattr(os, "open", refused)
    assert course_home() == tmp_path / "home"


def test_a_relative_home_is_made_absolute_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CBAM_COURSE_HOME", "mine")
    assert course_home() == tmp_path / "mine"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert course_home() == tmp_path / "mine"
    code = "from cbam_course.storage import course_home; print(course_home())"
    kernel = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert kernel.stdout.strip() == str(tmp_path / "mine")


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
    monkeypatch.setattr(storage, "_DRIVE", tmp_path / "drive")
    monkeypatch.setattr(storage, "user_data_dir", lambda name, appauthor: str(tmp_path / "session"))
    monkeypatch.setenv("CBAM_COURSE_HOME", "")  # so that what keep_work sets is taken back
    module.kept = tmp_path / "drive" / "MyDrive" / "cbam_course"
    return module


def test_outside_colab_nothing_happens(capsys, monkeypatch, tmp_path):
    keep_work()
    assert capsys.readouterr().out == ""
    assert course_home() == tmp_path / "home"


def test_in_colab_work_goes_to_the_drive_and_a_sentence_says_where(colab, capsys):
    keep_work()
    assert colab.drive.asked == [str(storage._DRIVE)]
    assert colab.kept.is_dir()
    assert course_home() == colab.kept
    said = capsys.readouterr().out
    assert said.startswith("Progress and trained networks are kept in your Google Drive, folder cbam_course")
    assert said.count("\n") == 1


def test_a_drive_that_is_there_already_is_not_asked_for_again(colab):
    (storage._DRIVE / "MyDrive").mkdir(parents=True)
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
    monkeypatch.setattr(storage, "user_data_dir", lambda name, appauthor: str(tmp_path / "another machine"))
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


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a" / "file.txt"
    write_whole(path, b"old")
    return path


def names(file):
    return sorted(path.name for path in file.parent.iterdir())


def test_a_file_is_written_with_its_folder_and_replaced(file):
    assert file.read_bytes() == b"old"
    write_whole(file, b"new")
    assert (file.read_bytes(), names(file)) == (b"new", ["file.txt"])


@pytest.mark.parametrize(
    "write", [write_whole, lambda path, content: write_new(path, content, aside=path.with_name("b"))]
)
def test_on_a_full_disk_the_old_file_stays_and_nothing_is_left(file, monkeypatch, write):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(file, b"new")
    assert (file.read_bytes(), names(file)) == (b"old", ["file.txt"])


def test_the_bytes_are_on_the_disk_before_the_file_has_its_name(file, monkeypatch):
    order = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, _name=name, _real=real: (order.append(_name), _real(*a))[1])
    write_whole(file, b"new")
    assert order == ["fsync", "replace"]


def test_temporary_names_cannot_be_guessed(file, monkeypatch):
    seen, real = [], os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: (seen.append(Path(old).name), real(old, new)))
    for _ in range(3):
        write_whole(file, b"new")
    assert len(set(seen)) == 3
    assert all(len(name.rpartition("-")[2]) >= 16 for name in seen)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_are_replaced_and_not_followed(file, monkeypatch):
    victim = file.with_name("victim")
    victim.write_bytes(b"precious")
    file.unlink()
    file.symlink_to(victim)
    write_whole(file, b"new")
    assert (file.read_bytes(), victim.read_bytes()) == (b"new", b"precious")
    # Even a name that was guessed is not written through.
    monkeypatch.setattr(storage.secrets, "token_hex", lambda size: "0" * 2 * size)
    file.with_name(f".file.txt.{os.getpid()}-{'0' * 16}.tmp").symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_whole(file, b"newer")
    assert (file.read_bytes(), victim.read_bytes()) == (b"new", b"precious")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_what_was_private_stays_private(file):
    file.chmod(0o600)
    write_whole(file, b"new")
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_program_left_is_cleared_the_next_time_and_nothing_else(file):
    kept = [
        f".file.txt.{os.getpid()}-0123456789abcdef.tmp",
        ".other.txt.999999999.tmp",
        ".file.txt.tmp",
        "x.tmp",
    ]
    for name in (".file.txt.999999999.tmp", ".file.txt.999999999-0123456789abcdef.tmp", *kept):
        file.with_name(name).write_bytes(b"half")
    write_whole(file, b"new")
    assert names(file) == sorted(["file.txt", *kept])


def test_a_leftover_whose_number_another_program_has_now_is_cleared_after_a_day(file):
    left = file.with_name(f".file.txt.{os.getpid()}.tmp")
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    write_whole(file, b"new")
    assert names(file) == ["file.txt"]


def test_a_new_file_never_replaces_another(file):
    with pytest.raises(FileExistsError):
        write_new(file, b"new")
    assert (file.read_bytes(), names(file)) == (b"old", ["file.txt"])
    write_new(file, b"new", aside=file.with_name("b"))
    assert (file.read_bytes(), file.with_name("b").read_bytes()) == (b"new", b"old")
    write_new(file.with_name("c"), b"third", aside=file.with_name("d"))
    assert names(file) == ["b", "c", "file.txt"]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_is_never_renamed_onto_another_whatever_the_disk_can_do(file, monkeypatch, links):
    def unknown(*_, **__):
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", unknown)
    other = file.with_name("other")
    other.write_bytes(b"other")
    with pytest.raises(FileExistsError):
        rename_new(file, other)
    assert (file.read_bytes(), other.read_bytes()) == (b"old", b"other")
    rename_new(file, file.with_name("free"))
    assert names(file) == ["free", "other"]


def hold(lock, **options):
    with storage.locked(lock, **options):
        return True


def test_a_lock_is_waited_for_and_taken_away(file, capsys):
    lock = file.with_name("lock")
    with storage.locked(lock, timeout=1), pytest.raises(TimeoutError, match="another program has held"):
        hold(lock, timeout=0.01, note="Wait.")
    assert capsys.readouterr().out == "Wait.\n"
    assert names(file) == ["file.txt"]
    assert hold(lock, timeout=0)


def test_where_no_lock_can_be_had_nobody_waits(file):
    assert hold(file / "lock", timeout=0)
    assert hold(file.with_name("missing") / "lock", timeout=0)
