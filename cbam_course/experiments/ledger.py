"""The folder that holds registrations, their tables and the report, and what git remembers of it."""

import subprocess
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..statistics import results_folder
from .registration import NotRegistered, Registration, parse_registration, read_registration
from .tables import read_table

_WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Ledger:
    """Registrations, tables and report.

    Args:
        folder: where they lie; when left out, ``results`` of this checkout, or inside the installed package.
    """

    folder: Path = field(default_factory=results_folder)

    @property
    def report(self) -> Path:
        """The file with every outcome."""
        return self.folder / "README.md"

    def registrations(self) -> dict[str, Registration]:
        """Return all registrations by name, in the order of their names.

        Raises:
            NotRegistered: one of them cannot be read or would not count.
        """
        return {name: read_registration(self._path(name)) for name in self._names()}

    def registration(self, name: str) -> Registration:
        """Return one registration.

        Raises:
            NotRegistered: there is none of that name, or it cannot be read.
        """
        names = self._names()
        if name not in names:
            raise NotRegistered(
                f"No experiment {name!r} is registered; there are: {', '.join(names) or 'none'}."
            )
        return read_registration(self._path(name))

    def withdrawn(self) -> dict[str, dict[str, str]]:
        """Return the comparisons that were given up: registration -> key of the comparison -> reason.

        Raises:
            NotRegistered: the list cannot be read.
        """
        path = self._path(_WITHDRAWN)
        try:
            return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise NotRegistered(f"{path.name} cannot be read: {error}.") from None

    def tuning_path(self, registration: Registration) -> Path:
        """Return the file of the tuning runs."""
        return self.folder / f"{registration.name}.tuning.csv"

    def evaluation_path(self, registration: Registration) -> Path:
        """Return the file of the evaluation runs."""
        return self.folder / f"{registration.name}.csv"

    def tuning(self, registration: Registration) -> pd.DataFrame:
        """Return the tuning runs, as far as they are there."""
        return read_table(self.tuning_path(registration))

    def evaluation(self, registration: Registration) -> pd.DataFrame:
        """Return the evaluation runs, as far as they are there."""
        return read_table(self.evaluation_path(registration))

    def require_committed(self, registration: Registration) -> None:
        """Refuse to go on unless the registration is committed as it is.

        Raises:
            NotRegistered: it is not, or this is no git checkout.
        """
        path = f"{self.folder.name}/registered/{registration.name}.toml"
        try:
            stored = self.git("show", f"HEAD:./registered/{registration.name}.toml")
        except OSError:
            raise NotRegistered("git is missing, and a registration counts once it is committed.") from None
        except subprocess.CalledProcessError:
            raise NotRegistered(f"{path} is not committed; commit it first, then run it.") from None
        if parse_registration(registration.name, stored).hash != registration.hash:
            raise NotRegistered(
                f"{path} was changed since it was committed; commit it, or take the change back."
            )

    def git(self, *words: str, given: bytes | None = None) -> bytes:
        """Return what git says, asked from inside the folder.

        Args:
            words: the command.
            given: what git reads from its standard input.

        Raises:
            OSError: there is no git, or no folder.
            subprocess.CalledProcessError: git refuses, for example because this is no checkout.
        """
        command = ["git", "-C", str(self.folder), *words]
        return subprocess.run(command, check=True, capture_output=True, input=given).stdout

    def _path(self, name: str) -> Path:
        return self.folder / "registered" / f"{name}.toml"

    def _names(self) -> list[str]:
        stems = (path.stem for path in (self.folder / "registered").glob("*.toml"))
        return sorted(stem for stem in stems if stem != _WITHDRAWN)
