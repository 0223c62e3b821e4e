"""What a check found: one line per property, the verdict, and the likely mistake by name."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .texts import TaskText, say, word


@dataclass(frozen=True)
class Finding:
    """The outcome of one property. ``holds`` is None when the property could not be tested."""

    slug: str
    says: str
    holds: bool | None
    expected: str = ""
    got: str = ""
    mistake: str | None = None
    pictures: tuple = ()  # (expected map, received map), 2-D tensors, where a picture says more

    def __str__(self) -> str:
        state = {True: "holds", False: "fails", None: "untested"}[self.holds]
        lines = [f"  {word(state):<10} {self.says}"]
        if self.holds is False:
            lines += [
                f"             {word(name):<9} {text}"
                for name, text in (("expected", self.expected), ("got", self.got))
                if text
            ]
        return "\n".join(lines)


def finder(text: TaskText) -> Callable[..., Finding]:
    """Return ``find(slug, holds, mistake=None, pictures=(), **values)``, which words a finding of this task.

    The words come from the task's texts; ``values`` fill in their braces. A mistake counts only where the
    property fails.
    """

    def find(slug: str, holds: bool | None, mistake: str | None = None, pictures=(), **values) -> Finding:
        words = text.properties[slug]
        fails = holds is not None and not holds
        if mistake is not None and mistake not in text.mistakes:
            raise KeyError(f"{text.task_id} has no text for the mistake {mistake!r}")
        return Finding(
            slug=slug,
            says=words["says"],
            holds=None if holds is None else bool(holds),
            expected=words.get("expected", "").format(**values) if fails else "",
            got=words.get("got", "").format(**values) if fails else "",
            mistake=mistake if fails else None,
            pictures=tuple(pictures) if fails else (),
        )

    return find


@dataclass(frozen=True)
class Report:
    """The verdict on one answer.

    Attributes:
        task_id: which task.
        status: ``"passed"``, ``"failed"``, ``"not attempted"`` or ``"error"`` (the learner's code raised, and
            no named mistake explains it).
        findings: one :class:`Finding` per property, in the order tested.
        mistake: the slug of the likely mistake, or None.
        message: what the learner's code raised, or another sentence that stands above the findings.
        source: which cell defined the answer, and when it ran.
    """

    task_id: str
    status: str
    findings: tuple[Finding, ...] = ()
    mistake: str | None = None
    mistake_text: str = ""
    message: str = ""
    source: str = ""
    next_step: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    @property
    def holding(self) -> int:
        """How many properties hold."""
        return sum(finding.holds is True for finding in self.findings)

    @property
    def verdict(self) -> str:
        name = "verdict" if self.findings else "verdict_short"
        return say(
            name,
            task=self.task_id,
            status=word(self.status),
            holding=self.holding,
            total=len(self.findings),
        )

    @property
    def diagnosis(self) -> str:
        """The sentence about the likely mistake, empty when nothing failed."""
        if self.mistake:
            return say("mistake", slug=self.mistake, text=self.mistake_text)
        unnamed = self.status == "failed" and not self.message
        return say("no_mistake") if unnamed else ""

    def __str__(self) -> str:
        findings = "\n".join(map(str, self.findings))
        closing = "\n".join(filter(None, [self.diagnosis, self.next_step, self.source, *self.notes]))
        return "\n\n".join(filter(None, [self.verdict, self.message, findings, closing]))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .html import report_html

        return report_html(self)
