"""Downloads from a server that is slow, cuts the line, sends something else or refuses; it runs on this computer."""

import errno
import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from server import bad_server

from cbam_course.data import download
from cbam_course.data.download import DownloadFailed, Patience, fetch, fetch_archives, read_checked, unpack

CONTENT = bytes(range(256)) * 40
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
QUICK = Patience(timeout=1, attempts=3, pause=0.001)


def get(server, folder, checksum=CHECKSUM, patience=QUICK, **options):
    path = folder / "a" / "file.bin"
    return fetch(f"{server.address}/file.bin", path, checksum, patience=patience, progress=False, **options)


def left_over(folder):
    return [path.name for path in folder.rglob("*") if path.is_file()]


def arrived(folder):
    """Return what is kept of a file that has not arrived whole."""
    (part,) = (folder / "a").iterdir()
    assert part.name.startswith(".file.bin.")
    assert part.suffix == ".part"
    return part.read_bytes()


def failure(server, folder, *, kept=False, **options):
    """Return the sentence of a download that fails, after looking whether anything is left of it."""
    with pytest.raises(DownloadFailed) as caught:
        get(server, folder, **options)
    if kept:
        assert CONTENT.startswith(arrived(folder))
    else:
        assert left_over(folder) == []
    return str(caught.value).replace(server.address.removeprefix("http://"), "SERVER")


def test_a_file_arrives_whole_and_is_fetched_once(tmp_path):
    with bad_server({"file.bin": CONTENT}, "whole") as server:
        for _ in range(2):
            assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/file.bin", None)]
    assert left_over(tmp_path) == ["file.bin"]


def test_a_file_of_that_name_with_another_content_is_replaced(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file.bin").write_bytes(b"half")
    with bad_server({"file.bin": CONTENT}, "whole") as server:
        assert get(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("times", [1, 4])
def test_a_cut_line_is_taken_up_where_it_broke(tmp_path, times):
    with bad_server({"file.bin": CONTENT}, *["cut"] * times, "whole") as server:
        assert get(server, tmp_path).read_bytes() == CONTENT
    left = [len(CONTENT) - len(CONTENT) // 2]
    while len(left) < times:
        left.append(left[-1] - left[-1] // 2)
    assert [asked for _, asked in server.asked] == [None, *(f"bytes={len(CONTENT) - rest}-" for rest in left)]


def test_a_server_that_cannot_continue_starts_again(tmp_path):
    with bad_server({"file.bin": CONTENT}, "cut", "deaf") as server:
        assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked[1][1] == f"bytes={len(CONTENT) // 2}-"


def test_what_a_killed_kernel_left_is_taken_up_by_the_next(tmp_path, monkeypatch):
    real = download._Transfer._pieces
    monkeypatch.setattr(download._Transfer, "_pieces", _interrupt)
    with bad_server({"file.bin": CONTENT}, "cut", "whole") as server:
        with pytest.raises(KeyboardInterrupt):
            get(server, tmp_path)
        assert CONTENT.startswith(arrived(tmp_path))
        monkeypatch.setattr(download._Transfer, "_pieces", real)
        assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked[1][1].startswith("bytes=")


def _interrupt(transfer, response):
    yield response.read1(1000)
    raise KeyboardInterrupt


PARTS = [
    "file.bin.part",
    ".file.bin.0123456789abcdef.part",
]  # as the version before named it, and as this one does


@pytest.mark.parametrize("name", PARTS)
def test_a_kernel_killed_between_the_last_byte_and_the_name_has_lost_nothing(tmp_path, name):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / name).write_bytes(CONTENT)
    with bad_server({}, 503) as server:
        assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == []


def test_a_server_that_goes_away_for_good_is_given_up_after_longer_and_longer_pauses(tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    with bad_server({"file.bin": CONTENT}, "cut", "silent") as server:
        sentence = failure(server, tmp_path, kept=True)
    assert sentence == "SERVER broke off after 0.0 MB (timed out)."
    assert len(server.asked) == QUICK.attempts
    assert pauses == [QUICK.pause, 2 * QUICK.pause]


@pytest.mark.parametrize(("status", "reason"), [(404, "Not Found"), (403, "Forbidden")])
def test_a_refusal_is_taken_at_once(tmp_path, status, reason):
    with bad_server({"file.bin": CONTENT}, status) as server:
        assert failure(server, tmp_path) == f"SERVER answered {status} ({reason})."
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [429, 503, 502])
def test_a_busy_server_is_asked_again_with_longer_and_longer_pauses(tmp_path, monkeypatch, status):
    pauses = []
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    with bad_server({"file.bin": CONTENT}, status, status, "whole") as server:
        assert get(server, tmp_path).read_bytes() == CONTENT
    assert pauses == [QUICK.pause, 2 * QUICK.pause]


def test_a_server_that_stays_busy_is_given_up(tmp_path):
    with bad_server({"file.bin": CONTENT}, 503) as server:
        assert failure(server, tmp_path) == "SERVER answered 503 (Service Unavailable)."
    assert len(server.asked) == QUICK.attempts


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("7", 7, 7), ("in 9 s", 1, 9), ("soon", 0.001, 0.001), ("-5", 0.001, 0.001), ("", 0.001, 0.001)],
)
def test_a_busy_server_may_say_when_to_come_back(tmp_path, monkeypatch, said, least, most):
    pauses = []
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    if said.startswith("in"):
        said = format_datetime(datetime.now(UTC) + timedelta(seconds=9), usegmt=True)
    with bad_server({"file.bin": CONTENT}, (429, said), "whole") as server:
        assert get(server, tmp_path).read_bytes() == CONTENT
    assert least <= pauses[0] <= most


@pytest.mark.parametrize("said", ["86400", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_server_that_wants_to_be_asked_tomorrow_is_given_up_at_once(tmp_path, said):
    with bad_server({"file.bin": CONTENT}, (503, said)) as server:
        sentence = failure(server, tmp_path)
    assert sentence.startswith("SERVER answered 503 (Service Unavailable) and wants to be asked again in ")
    assert len(server.asked) == 1


def test_a_server_that_gives_one_byte_at_a_time_is_given_up_and_what_came_is_kept(tmp_path):
    few = Patience(timeout=1, pause=0, connections=7)
    with bad_server({"file.bin": CONTENT}, "one byte") as server:
        assert failure(server, tmp_path, patience=few, kept=True) == "SERVER broke off 7 times."
    assert (len(server.asked), arrived(tmp_path)) == (7, CONTENT[:7])


@pytest.mark.parametrize("behaviour", ["huge", "endless"])
def test_more_than_a_file_can_have_is_refused(tmp_path, behaviour):
    with bad_server({"file.bin": CONTENT}, behaviour) as server:
        # Patient: on a busy machine even an endless server pauses now and then.
        patient = Patience(timeout=30, attempts=3, pause=0.001)
        sentence = failure(server, tmp_path, at_most=100_000, patience=patient)
    assert sentence == "SERVER sends more than the 0.1 MB that this file can have."
    assert len(server.asked) == 1


@pytest.mark.parametrize("behaviour", ["drip", "slow"])
def test_a_server_that_drips_is_given_up_in_its_headers_and_in_the_file(tmp_path, behaviour):
    impatient = Patience(timeout=1, slowest=1e6, grace=0.05)
    with bad_server({"file.bin": CONTENT}, behaviour) as server:
        sentence = failure(server, tmp_path, patience=impatient, kept=behaviour == "slow")
    assert sentence.startswith("SERVER is too slow (")


def test_the_patience_with_a_server_that_drips_is_less_than_a_minute():
    patience = Patience()
    assert 2 * patience.grace + patience.timeout <= 60
    assert patience.slowest > 5


def test_a_server_that_turns_slow_late_is_noticed(monkeypatch, tmp_path):
    """A good average must not hide it."""
    clock = [0.0]
    monkeypatch.setattr(download.time, "monotonic", lambda: clock[0])
    part = tmp_path / "part"
    part.touch()
    transfer = download._Transfer("http://a.test/x", "x", part, 10**9, Patience(slowest=1000, grace=20))

    def receive(pieces, size):
        for _ in range(pieces):
            clock[0] += 1
            transfer._judge(size)

    receive(100, 1_000_000)
    with pytest.raises(DownloadFailed, match="is too slow"):
        receive(60, 5)
    assert clock[0] < 160


def test_the_whole_has_a_limit_of_time(tmp_path):
    with bad_server({"file.bin": CONTENT}, "slow") as server:
        hurried = Patience(timeout=1, slowest=0, total=0.05)
        assert failure(server, tmp_path, patience=hurried, kept=True) == "SERVER took longer than 0 s."


@pytest.mark.parametrize("behaviour", ["elsewhere", "deaf"])
def test_another_range_than_the_wanted_one_is_not_put_behind_what_is_there(tmp_path, behaviour):
    with bad_server({"file.bin": CONTENT}, "cut", behaviour) as server:
        assert get(server, tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 2


@pytest.mark.parametrize("harm", [CONTENT[:5000][::-1], CONTENT + b"more", CONTENT[::-1]])
def test_what_an_earlier_download_left_of_another_file_is_thrown_away(tmp_path, harm):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / PARTS[1]).write_bytes(harm)
    with bad_server({"file.bin": CONTENT}, "whole") as server:
        assert get(server, tmp_path).read_bytes() == CONTENT
    assert left_over(tmp_path) == ["file.bin"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
@pytest.mark.parametrize("name", [*PARTS, "file.bin"])
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_links_are_not_followed(tmp_path, name, link):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "a").mkdir()
    link(victim, tmp_path / "a" / name)
    with bad_server({"file.bin": CONTENT}, "whole") as server:
        assert get(server, tmp_path).read_bytes() == CONTENT
    assert victim.read_bytes() == b"precious"


def test_nobody_can_guess_the_name_of_what_is_arriving(tmp_path):
    names = set()
    for number in range(2):
        with bad_server({"file.bin": CONTENT}, "cut", 404) as server:
            failure(server, tmp_path / str(number), kept=True)
        names |= {path.name for path in (tmp_path / str(number) / "a").iterdir()}
    assert len(names) == 2


def test_of_two_that_want_a_file_one_fetches_it_and_the_other_waits(tmp_path, capsys):
    got = []
    with bad_server({"file.bin": CONTENT}, "held") as server:
        threads = [
            threading.Thread(target=lambda: got.append(get(server, tmp_path, patience=Patience())))
            for _ in "ab"
        ]
        for thread in threads:
            thread.start()
        said = ""
        while "Another program is fetching file.bin; waiting for it." not in said:
            said += capsys.readouterr().out
            time.sleep(0.01)
        server.go.set()
        for thread in threads:
            thread.join()
    assert [path.read_bytes() for path in got] == [CONTENT, CONTENT]
    assert len(server.asked) == 1
    assert left_over(tmp_path) == ["file.bin"]


ARCHIVES = """
import sys, warnings
from pathlib import Path
from cbam_course.data.download import fetch_archives
warnings.simplefilter("error")
fetch_archives({sys.argv[1]: (sys.argv[2], 10**6)}, "set", Path(sys.argv[3]))
print((Path(sys.argv[3]) / "set" / "x").read_text())
"""


def packed(**files):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def test_a_classroom_of_kernels_fetches_an_archive_once(tmp_path):
    content = packed(x=b"unpacked")
    checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
    with bad_server({"set.tar.gz": content}, "held") as server:
        words = [sys.executable, "-c", ARCHIVES, f"{server.address}/set.tar.gz", checksum, str(tmp_path)]
        runs = [
            subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        while not server.asked:
            time.sleep(0.01)
        server.go.set()
        done = [run.communicate() for run in runs]
    assert [out.splitlines()[-1:] for out, _ in done] == [["unpacked"]] * 4, done
    assert len(server.asked) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_what_a_kernel_killed_while_unpacking_left_is_cleared(tmp_path):
    content = packed(x=b"unpacked")
    for name in (".set-unpacking-abc", ".unpacking-abc"):  # this version's, and the one's before
        (tmp_path / name / "set").mkdir(parents=True)
    with bad_server({"set.tar.gz": content}, "whole") as server:
        checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
        fetch_archives({f"{server.address}/set.tar.gz": (checksum, 10**6)}, "set", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_unpacking_needs_nothing_that_python_before_3_11_4_lacks(tmp_path, monkeypatch):
    def old(tar, path=".", members=None, *, numeric_owner=False):
        raise AssertionError("its filter= is missing there")

    monkeypatch.setattr(tarfile.TarFile, "extractall", old)
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    (tmp_path / "set.tar").write_bytes(packed(**{"set/a/x": b"1", "set/y": b"2"}))
    unpack(tmp_path / "set.tar", tmp_path / "out")
    assert sorted(left_over(tmp_path / "out")) == ["x", "y"]


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside"])
def test_an_archive_writes_nothing_outside_its_folder(tmp_path, name):
    (tmp_path / "set.tar").write_bytes(packed(**{name: b"1"}))
    with pytest.raises(tarfile.TarError, match="lies outside its folder"):
        unpack(tmp_path / "set.tar", tmp_path / "in" / "out")
    assert left_over(tmp_path) == ["set.tar"]


def test_an_archives_links_and_devices_are_left_out(tmp_path):
    with tarfile.open(tmp_path / "set.tar", "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            entry = tarfile.TarInfo(f"x{kind.decode()}")
            entry.type, entry.linkname = kind, "/etc/passwd"
            tar.addfile(entry)
        entry = tarfile.TarInfo("y")
        tar.addfile(entry)
    unpack(tmp_path / "set.tar", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["y"]


def test_content_is_checked_as_it_is_read(tmp_path):
    (tmp_path / "x").write_bytes(CONTENT)
    assert read_checked(tmp_path / "x", CHECKSUM) == CONTENT
    with pytest.raises(ValueError, match="x is damaged: its md5 is not the one that was published"):
        read_checked(tmp_path / "x", "md5:0123")


def test_another_file_than_the_expected_one_is_thrown_away(tmp_path):
    with bad_server({"file.bin": CONTENT}, "wrong") as server:
        assert failure(server, tmp_path) == "SERVER sent another file than the one that was expected."


def test_a_digest_may_be_given_by_its_beginning_and_in_another_algorithm(tmp_path):
    md5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
    with bad_server({"file.bin": CONTENT}, "whole") as server:
        for number, checksum in enumerate((md5, CHECKSUM[:15])):
            assert get(server, tmp_path / str(number), checksum).read_bytes() == CONTENT
        assert "another file" in failure(server, tmp_path / "2", checksum="sha256:00000000")


def test_a_silent_server_is_left_after_the_timeout(tmp_path):
    with bad_server({"file.bin": CONTENT}, "silent") as server:
        assert failure(server, tmp_path) == "SERVER cannot be reached (timed out)."
    assert len(server.asked) == 1


def test_a_server_that_does_not_speak_http_is_a_sentence(tmp_path):
    with bad_server({"file.bin": CONTENT}, "gibberish") as server:
        assert failure(server, tmp_path) == "SERVER cannot be reached (who is there?)."


def test_a_server_that_is_fast_enough_is_waited_for(tmp_path):
    checksum = f"sha256:{hashlib.sha256(CONTENT[:9]).hexdigest()}"
    patient = Patience(timeout=1, slowest=1, grace=0)
    with bad_server({"file.bin": CONTENT[:9]}, "slow") as server:
        assert get(server, tmp_path, checksum, patient).read_bytes() == CONTENT[:9]


def test_no_server_at_all_is_a_sentence(tmp_path):
    with bad_server({}, 503) as server:
        pass
    with socket.socket() as probe:  # nobody listens there any more
        assert probe.connect_ex(server.server_address) != 0
    assert failure(server, tmp_path).startswith("SERVER cannot be reached (")


def test_a_full_disk_is_not_taken_for_a_broken_line(tmp_path, monkeypatch):
    def full(transfer, response):
        yield CONTENT[:9]
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download._Transfer, "_pieces", full)
    with bad_server({"file.bin": CONTENT}, "whole") as server, pytest.raises(OSError, match="No space left"):
        get(server, tmp_path)
    assert left_over(tmp_path) == []
    assert len(server.asked) == 1


def test_a_bar_shows_the_size_of_the_file_unless_it_is_not_wanted(tmp_path, capsys):
    with bad_server({"file.bin": CONTENT}, "whole") as server:
        for progress in (False, True):
            assert "10.2k" not in capsys.readouterr().err
            fetch(f"{server.address}/file.bin", tmp_path / str(progress), CHECKSUM, progress=progress)
    assert "0.00/10.2k" in capsys.readouterr().err
