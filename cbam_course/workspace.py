"""Where the learner's progress lives (the full version is being written)."""
import os
from pathlib import Path


def course_home() -> Path:
    return Path(os.environ.get("CBAM_COURSE_HOME") or Path.home() / ".cbam_course")
