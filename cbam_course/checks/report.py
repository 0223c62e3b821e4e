"""What a check found: one finding per property, the verdict, and the likely mistake by name."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from .tasks import Task, say, texts, word

Mistake = str | Callable[[], str | None] | None


@dataclass(frozen=True)
class Finding:
    """The outcome of one property. ``holds`` is None when the property was not tested."""

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
        for name, text in (("expected", self.expected), ("got", self.got)):
            if text and self.holds is False:
                lines.append(f"             {word(name):<9} {text}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Example:
    """A small input and what came of it: ``items`` are labels and what stands beside them."""

    says: str
    items: tuple[tuple[str, object], ...]

    def __str__(self) -> str:
        from .values import show

        width = max(len(label) for label, _ in self.items)
        rows = [f"  {label:<{width}}  {show(value)}" for label, value in self.items]
        return "\n".join([self.says, *rows])


class Find:
    """What an examiner gets as ``find``: it records one finding per property, in the order tested.

    ``find("shape", got.shape == (2, 3), "kept-dimensions", got=got)`` records whether the property ``shape``
    holds and returns it, so that an examiner can stop with ``if not find(...): return``. What it never
    recorded is listed as *not tested*.
    """

    def __init__(self, task: Task):
        self.task = task
        self.example: Example | None = None
        self.answer: object = None  # what was handed in
        self.context = ""  # what the learner's code is being called with, for the report if it raises
        self._findings: dict[str, Finding] = {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that was recorded so far."""
        return tuple(self._findings.values())

    def __call__(
        self, slug: str, holds: bool, mistake: Mistake = None, pictures: Sequence = (), **words: object
    ) -> bool:
        """Record whether a property holds, and return that.

        Args:
            slug: the property, as the task's TOML file calls it. Recorded more than once, it holds where it
                held each time, and the first failure is the one that is told.
            holds: whether it does.
            mistake: the name of the mistake that this failure shows, or a function that finds the name and
                is called only where the property fails; None where the failure has no single cause.
            pictures: the expected and the received map, 2-D tensors.
            words: what fills the braces of the property's texts. Numbers and strings go in as they are;
                tensors, arrays and whatever else came from the learner are written out only on failure.
        """
        holds = bool(holds)
        if slug in self._findings and self._findings[slug].holds is False:
            return holds
        says = self._words(slug)
        if holds:
            self._findings[slug] = Finding(slug, says["says"], True)
            return True
        name = mistake() if callable(mistake) else mistake
        if name is not None and name not in self.task.mistakes:
            raise KeyError(f"{self.task.task_id} has no text for the mistake {name!r}")
        if type(self.answer) is str:  # words in a text have no quotation marks, an answer has
            words = {k: repr(v) if isinstance(v, str) and v == self.answer else v for k, v in words.items()}
        expected, got = _worded(says, words)
        self._findings[slug] = Finding(slug, says["says"], False, expected, got, name, tuple(pictures))
        return False

    def agrees(
        self,
        slug: str,
        answer: Callable,
        reference: Callable,
        inputs: Iterable[tuple],
        wrong: dict | None = None,
        tolerance: float = 1e-4,
        **words: object,
    ) -> bool:
        """Record whether a function and the right one give the same on all inputs.

        On failure the mistake is named by behaviour (:func:`cbam_course.checks.behaviour.name_function`), the
        smallest input on which the two part ways is kept for the report, and the property's texts get
        ``{expected}``, ``{got}`` and ``{input}``.

        Args:
            slug: the property.
            answer: the learner's function.
            reference: the right one.
            inputs: tuples of arguments: several shapes, both signs, ties; each call gets a copy.
            wrong: mistake -> a function that makes it, or ``one_of(...)`` several that do.
            tolerance: absolute, for numbers.
            words: further words for the texts.
        """
        from .behaviour import Raised, first_difference, name_function
        from .values import show

        inputs = list(inputs)
        found = first_difference(answer, reference, inputs, tolerance)
        if found is None:
            return self(slug, True)
        name = name_function(answer, reference, wrong or {}, inputs, tolerance)
        words = {"input": found.arguments, "expected": found.expected, "got": found.got, **words}
        if name is not None or not isinstance(found.got, Raised):
            self(slug, False, name, **words)  # first: a report without the example is better than none
        self.smallest(answer, reference, inputs, tolerance)
        if name is None and isinstance(found.got, Raised):
            self.on(show(found.arguments))
            raise found.got.error
        return False

    def smallest(
        self, answer: Callable, reference: Callable, inputs: Iterable[tuple], tolerance: float = 1e-4
    ) -> None:
        """Keep for the report the smallest input on which the learner's function and the right one part ways.

        It is looked for below ``inputs``, for half a second of processor time at most; the first call counts.
        """
        if self.example is None:
            from .behaviour import smallest_difference

            self.example = smallest_difference(answer, reference, list(inputs), tolerance)

    def show(self, sentence: str, **items: object) -> None:
        """Keep an example of your own for the report: two small images and their gates, for instance.

        Args:
            sentence: a sentence of texts.toml, by its name.
            items: label -> tensor or text; underscores in labels are shown as spaces. The first call counts.
        """
        if self.example is None:
            rows = tuple((label.replace("_", " "), value) for label, value in items.items())
            self.example = Example(say(sentence), rows)

    def on(self, context: str) -> None:
        """Say what the learner's code is called with from here on, such as ``kernel_size=3``."""
        self.context = context

    def untested(self, slug: str) -> Finding:
        """Return the finding of a property that was not tested."""
        return Finding(slug, self._words(slug)["says"], None)

    def _words(self, slug: str) -> dict[str, str]:
        own = self.task.properties
        return own[slug] if slug in own else texts()["properties"][slug]


def _worded(says: dict[str, str], words: dict[str, object]) -> tuple[str, str]:
    """Fill the braces; where both sides would read the same, say how they differ."""
    from .values import difference, wording

    filled = {name: wording(value) for name, value in words.items()}
    expected, got = (says.get(side, "").format(**filled) for side in ("expected", "got"))
    if got and got == expected:
        got = f"{got}; {difference(words.get('got'), words.get('expected'))}"
    return expected, got


@dataclass(frozen=True)
class Report:
    """The verdict on one answer.

    Attributes:
        task_id: which task.
        status: ``"passed"``, ``"failed"``, ``"not attempted"``, ``"stopped"`` (the code took too long, or was
            interrupted: nothing is known about it), or ``"error"`` (the check itself is broken, or there is
            no such task: the answer was not judged).
        findings: one :class:`Finding` per property, in the order tested.
        mistake: the slug of the likely mistake, or None.
        message: a sentence that stands above the findings, such as what the learner's code raised.
        example: the smallest input that shows what is wrong, where there is one.
        source: which cell defined the answer, and when it ran.
    """

    task_id: str
    status: str
    findings: tuple[Finding, ...] = ()
    mistake: str | None = None
    mistake_text: str = ""
    message: str = ""
    example: Example | None = None
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
        count = {"holding": self.holding, "total": len(self.findings)}
        return say(name, task=self.task_id, status=word(self.status), **count)

    @property
    def diagnosis(self) -> str:
        """The sentence about the likely mistake, empty when nothing failed."""
        if self.mistake:
            return say("mistake", slug=self.mistake, text=self.mistake_text)
        unnamed = self.status == "failed" and not self.message
        return say("no_mistake") if unnamed else ""

    def __str__(self) -> str:
        findings = "\n".join(map(str, self.findings))
        example = str(self.example or "")
        closing = "\n".join(filter(None, [self.diagnosis, self.next_step, self.source, *self.notes]))
        return "\n\n".join(filter(None, [self.verdict, self.message, findings, example, closing]))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .html import report_html

        return report_html(self)
