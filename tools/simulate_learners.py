"""Careless learners, killed programs, full disks and bad servers, all drawn from a seed: is anything lost?

``python tools/simulate_learners.py`` plays 1,000 updates of the course, 300 kills and 100 downloads, prints what it
counted, and exits with 1 if a learner's text was lost, a sentence was untrue, something was left or an exception came
out.
The tests play a small part of it.
"""

import argparse
import errno
import hashlib
import json
import multiprocessing
import os
import random
import re
import runpy
import signal
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

from cbam_course import workspace
from cbam_course.storage import write_whole

SERVER = Path(__file__).resolve().parent.parent / "tests" / "server.py"
NAMES = ("01_maps_exercise.ipynb", "02_gates_exercise.ipynb", "03_cbam_exercise.ipynb")
ODD = (
    "5",
    "[]",
    '{"cells":[null]}',
    "[" * 100_000,
    '{"cells":' + "[" * 9_000 + "]" * 9_000 + "}",
    "",
    "\udcff",
)
CHANGES = ("rename", "replace", "link", "unlink", "fsync")
EVENTS = ("open", "os.rename", "os.link", "os.remove", "os.truncate")
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has no other, and cannot play kills
CONTENT = bytes(range(256)) * 200
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
HURRIED = {
    "timeout": 0.5,
    "attempts": 3,
    "connections": 12,
    "pause": 0,
    "longest_pause": 0,
    "slowest": 20_000,
}
BEHAVIOURS = (
    "whole", "cut", "cut", "deaf", "wrong", "slow", "gibberish", "one byte", "elsewhere", "huge", "endless", "drip",
    404, 429, 503, (503, "0"), (429, "3600"),
)  # fmt: skip


def notebook(text: str, *, ran: bool = False) -> str:
    """Return a notebook of one cell as Jupyter saves it."""
    outputs = [{"output_type": "stream", "text": f"output of {text}"}] if ran else []
    return json.dumps({"cells": [{"cell_type": "code", "source": text, "outputs": outputs}], "metadata": {}})


class Learner:
    """One course with its work/, what the learner wrote there, and what went wrong.

    Args:
        root: an empty folder.
        seed: of everything that is drawn.
    """

    def __init__(self, root: Path, seed: int):
        self.root, self.work, self.draw = root, root / "work", random.Random(seed)
        self.written: set[str] = set()  # content that must be somewhere in work/
        self.count, self.counted, self.problems = 0, Counter(), []
        for folder in ("notebooks", "exercises", "work"):
            (root / folder).mkdir(parents=True)
        for name in NAMES:
            self.publish(name)

    def publish(self, name: str) -> None:
        self.count += 1
        text = notebook(f"{name}, version {self.count}")
        (self.root / "exercises" / name).write_text(text, encoding="utf-8")

    def save(self, path: Path, content: str) -> None:
        """Save as an editor does: into the file, or by a new file in its place. What was there is given up."""
        self.written.discard(_read(path))
        if self.draw.random() < 0.5:
            path.write_text(content, encoding="utf-8", errors="surrogateescape")
        else:
            other = path.with_name("editor's own")
            other.write_text(content, encoding="utf-8", errors="surrogateescape")
            os.rename(other, path)
        self.written.add(_read(path))

    def live(self) -> None:
        """Let something happen to the learner's files or to the course."""
        name = self.draw.choice(NAMES)
        path, self.count = self.work / name, self.count + 1
        happens = self.draw.choice(
            ("edit", "edit", "edit", "run", "update", "update", "delete", "rename", "odd", "note")
        )
        self.counted[happens] += 1
        if happens == "update":
            self.publish(name)
        elif happens == "edit":
            self.save(path, notebook(f"mine {self.count}", ran=self.draw.random() < 0.5))
        elif happens == "odd":
            self.save(path, self.draw.choice(ODD))
        elif happens == "note":
            note = self.work / ".versions.json"
            self.draw.choice(
                (lambda: note.unlink(missing_ok=True), lambda: note.write_text('{"x": 5, "torn'))
            )()
        elif path.exists():
            before = _read(path)
            if happens == "run" and before.startswith('{"cells": [{"cell_type"'):
                self.save(path, notebook(json.loads(before)["cells"][0]["source"], ran=True))
            elif happens == "delete":
                self.written.discard(before)
                path.unlink()
            elif happens == "rename":
                path.rename(self.work / f"my {self.count}.ipynb")

    def bring_up_to_date(self, trouble: str = "") -> None:
        """Sync or reset, in trouble or not, and look whether every sentence is true."""
        action = self.draw.choice(("sync", "sync", "reset"))
        number = self.draw.randint(1, 3)
        before = self._copies()
        undo = self._trouble(trouble) if trouble else lambda: None
        self.counted[f"{action} {trouble}".strip()] += 1
        try:
            outcomes = workspace.sync(self.root) if action == "sync" else workspace.reset(number, self.root)
        except Exception:
            self.problems.append(traceback.format_exc())
            return
        finally:
            undo()
        self.look(f"{action} {trouble}", hidden=trouble == "full disk")
        for said in map(str, outcomes):
            self._is_true(said, before, saved=trouble == "a save")

    def _copies(self) -> dict[str, str]:
        """Return what is in each file. A copy that a killed program had moved aside counts under its own name."""
        found = {path.name: _read(path) for path in self.work.iterdir()}
        asides = {name[1:].rsplit(".", 2)[0]: text for name, text in found.items() if name.endswith(".aside")}
        return asides | found

    def _is_true(self, said: str, before: dict[str, str], *, saved: bool) -> None:
        names = re.findall(r"work/(\S+?)[.,;:]?(?:\s|$)", said)
        gone = "deleted or renamed" in said or "could not be written" in said
        if not gone and not all((self.work / name).exists() for name in names):
            self.problems.append(f"a file is missing: {said}")
        same = "is as it was" in said or "stays as it is" in said
        if (
            same
            and not saved
            and "same time" not in said
            and _read(self.work / names[0]) != before.get(names[0], "")
        ):
            self.problems.append(f"it is not as it was: {said}")

    def _trouble(self, kind: str):
        """Let one of the next changes to files fail, or a save of the learner come before it."""
        real, left = {name: getattr(os, name) for name in CHANGES}, self.draw.randint(0, 9)
        path = self.work / self.draw.choice(NAMES)

        def wrap(change):
            def changed(*arguments, **options):
                nonlocal left
                left -= 1
                if left == -1 and kind == "full disk":
                    raise OSError(errno.ENOSPC, "No space left on device")
                if left == -1:
                    self.written.discard(_read(path))
                    path.write_text(notebook(f"saved in the middle {self.count}"), encoding="utf-8")
                    self.written.add(_read(path))
                return change(*arguments, **options)

            return changed

        for name in CHANGES:
            setattr(os, name, wrap(real[name]))
        return lambda: [setattr(os, name, change) for name, change in real.items()]

    def look(self, when: str, *, hidden: bool = False) -> None:
        """See that everything the learner wrote is in a file that they see, and that nothing else was left."""
        files = list(self.work.iterdir())
        seen = {_read(path) for path in files if hidden or not path.name.startswith(".")}
        lost = self.written - seen
        if lost:
            self.problems.append(f"lost after {when}: {sorted(lost)[0][:200]}")
            self.written -= lost
        left = [path.name for path in files if path.name.startswith(".") and path.name != ".versions.json"]
        if left and not hidden:
            self.problems.append(f"left after {when}: {left}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def play_updates(learner: Learner, updates: int) -> None:
    """Let the learner live through updates: some in trouble, each followed by one that is not."""
    for _ in range(updates):
        for _ in range(learner.draw.randint(1, 4)):
            learner.live()
        trouble = learner.draw.choice(("", "full disk", "a save"))
        if trouble:
            learner.bring_up_to_date(trouble)
        learner.bring_up_to_date()
        learner.counted["updates"] += 1


def play_kills(learner: Learner, kills: int) -> None:
    """Kill a sync, a reset or the writing of a file in the middle; the next one has to put everything right."""
    processes = multiprocessing.get_context("forkserver")  # a new process in milliseconds
    processes.set_forkserver_preload(["cbam_course.workspace", "filelock", "psutil"])
    while learner.counted["killed"] < kills:
        for _ in range(learner.draw.randint(1, 3)):
            learner.live()
        action = learner.draw.choice(("sync", "sync", "reset 1", "reset 2", "reset 3", "write"))
        worker = processes.Process(target=work, args=(learner.root, action, learner.draw.randint(1, 30)))
        worker.start()
        worker.join()
        ended = {0: "finished before the kill", -KILL: "killed"}.get(worker.exitcode, "failed")
        learner.counted[ended] += 1
        if ended == "failed":
            learner.problems.append(f"{action} raised an exception instead of being killed")
        kept = _read(learner.root / "kept")
        if kept and kept != f"{kept[0]}" * 100_000:
            learner.problems.append("a file was written in part")
        learner.look(f"a killed {action}", hidden=True)
        learner.bring_up_to_date()
        write_whole(learner.root / "kept", b"0" * 100_000)
        left = [path.name for path in learner.root.iterdir() if path.name.startswith(".")]
        if left:
            learner.problems.append(f"left after a killed {action}: {left}")


def work(root: Path, action: str, events: int) -> None:
    """Do one thing, and be killed at the given number of looks at or changes to files below ``root``."""
    left = events

    def hook(event, arguments):
        nonlocal left
        if event in EVENTS and any(
            str(a).startswith(str(root)) for a in arguments if isinstance(a, str | os.PathLike)
        ):
            left -= 1
            if not left:
                os.kill(os.getpid(), KILL)

    sys.addaudithook(hook)
    if action == "sync":
        workspace.sync(root)
    elif action == "write":
        for letter in b"123456789":
            write_whole(root / "kept", bytes([letter]) * 100_000)
    else:
        workspace.reset(action.removeprefix("reset "), root)


def play_servers(folder: Path, draw: random.Random, downloads: int) -> tuple[Counter, list[str]]:
    """Fetch from servers that misbehave in a drawn order, then from a good one: it has to arrive."""
    from cbam_course.data.download import DownloadFailed, Patience, fetch  # workers start sooner without

    hurried = Patience(**HURRIED, grace=0.3, total=60)
    counted, problems, bad_server = Counter(), [], runpy.run_path(str(SERVER))["bad_server"]
    for number in range(downloads):
        path = folder / str(number) / "file.bin"
        behaviour = [draw.choice(BEHAVIOURS) for _ in range(draw.randint(1, 5))]
        for how in (behaviour, ["whole"]):
            with bad_server({"file.bin": CONTENT}, *how) as server:
                # With a good server nobody hurries: the verdict must not depend on how busy this computer is.
                options = {"at_most": 10**6, "patience": Patience() if how == ["whole"] else hurried}
                try:
                    fetch(f"{server.address}/file.bin", path, CHECKSUM, progress=False, **options)
                    counted["fetched"] += 1
                except DownloadFailed as error:
                    counted["given up"] += 1
                    if how == ["whole"] or "\n" in str(error) or not str(error).endswith("."):
                        problems.append(f"{behaviour}: {error}")
                except Exception:
                    problems.append(f"{behaviour}: {traceback.format_exc()}")
        if [p.name for p in path.parent.iterdir()] != ["file.bin"] or path.read_bytes() != CONTENT:
            problems.append(f"{behaviour}: not as it should be: {[p.name for p in path.parent.iterdir()]}")
    return counted, problems


def simulate(updates: int, kills: int, downloads: int, seed: int) -> tuple[Counter, list[str]]:
    """Play all of it and return what was counted and what went wrong.

    Args:
        updates: of the course, with edits, full disks and saves in the middle.
        kills: of programs that write.
        downloads: from bad servers.
        seed: of everything that is drawn.
    """
    with tempfile.TemporaryDirectory() as folder:
        careless, killed = (Learner(Path(folder).resolve() / name, seed) for name in ("careless", "killed"))
        play_updates(careless, updates)
        play_kills(killed, kills)
        counted, problems = play_servers(Path(folder), random.Random(seed), downloads)
    return careless.counted + killed.counted + counted, careless.problems + killed.problems + problems


def main(argv: list[str] | None = None) -> int:
    """Play what the command line asks for; return 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--downloads", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    counted, problems = simulate(options.updates, options.kills, options.downloads, options.seed)
    for what, number in sorted(counted.items()):
        print(f"{number:6}  {what}")
    print(
        "\n".join(problems[:20])
        or "Nothing was lost, no sentence was untrue, nothing was left, no exception came out."
    )
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
