"""A sweep in two processes whose runs never end, for the test that kills it. The argument is a folder for notes."""

import os
import signal
import sys
import time
from pathlib import Path

from cbam_course.experiments import execute
from cbam_course.experiments.run import Run


def endless(parent, run, made_by, threads, device):
    """Stand in for a run: note which process computes it, and go on until somebody ends that."""
    execute.watch(parent)
    Path(made_by["folder"], str(os.getpid())).touch()
    time.sleep(900)


if __name__ == "__main__":
    from endless_runs import endless as found_by_name

    # A shell that starts something in the background makes it deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    execute.perform_and_watch = found_by_name
    runs = [Run("scenes-where", "plain", seed, 1, 8) for seed in range(4)]
    execute.compute(runs, {"folder": sys.argv[1]}, print, jobs=2, progress=False)
