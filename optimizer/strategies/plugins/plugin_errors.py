"""What goes wrong with a person's own strategies: why one is refused at start, and why a study of one stops."""

from types import TracebackType

from optimizer.errors import BadValue, Phrase, UserError

#: Most characters that are told of an exception of somebody else's code.
_MOST_TEXT = 160


class StrategyRefused(UserError):
    """A file or package of strategies that was not loaded. Facts: place, reason, file, line (0: none), name."""


class StrategyFailed(UserError):
    """A person's own strategy that broke during a study. Facts: strategy, place, reason."""


class StrategyHung(UserError):
    """A person's own strategy that did not return, so that its worker was ended. Facts: strategy, file."""


class StrategyLost(UserError):
    """A person's own strategy under which workers died. Facts: strategy, file, deaths, study."""


class StrategyChanged(UserError):
    """A study that was begun with other code than is loaded now. Facts: study, strategy, file."""


class BadStrategyName(BadValue):
    """A name that no new strategy may have. Facts: word, reason."""


class StrategyFileExists(UserError):
    """A file that a new strategy would overwrite. Facts: file."""


class NoStrategyFile(UserError):
    """A file of strategies that is not there. Facts: file."""


class Fault(Exception):
    """What is wrong with a plugin, and at which line of its file; 0 where no line is known."""

    def __init__(self, reason: Phrase, line: int = 0) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.line = line


class Forbidden(PermissionError):
    """Raised instead of what a strategy may not do: a strategy computes, and reaches for nothing else."""

    def __init__(self, reason: Phrase) -> None:
        super().__init__(str(reason))
        self.reason = reason


def place_of(file: str, line: int) -> Phrase:
    """Word where something is wrong: the file, and the line where one is known."""
    return Phrase("own_line", file=file, line=line) if line else Phrase("own_file", file=file)


def refusal_of(file: str, fault: Fault, name: str = "") -> StrategyRefused:
    """Refusal of a file, with its place in words and as data; `name` is what a person types, if not the file's own."""
    facts = {"file": file, "line": fault.line, "name": name or file.removesuffix(".py").lower()}
    return StrategyRefused(place=place_of(file, fault.line), reason=fault.reason, **facts)


def fault_of(failure: BaseException, path: str) -> Fault:
    """Fault for what a plugin raised, at the innermost line of its own file."""
    if isinstance(failure, SyntaxError) and failure.filename == path:
        return Fault(Phrase("own_syntax", problem=failure.msg), failure.lineno or 0)
    line = _line_in(path, failure.__traceback__)
    match failure:
        case Fault():
            return Fault(failure.reason, failure.line or line)
        case Forbidden():
            return Fault(failure.reason, line)
        case MemoryError():
            return Fault(Phrase("own_memory"), line)
        case SystemExit():
            return Fault(Phrase("own_exits"), line)
    text = " ".join(str(failure).split())[:_MOST_TEXT]
    return Fault(Phrase("own_raises", kind=type(failure).__name__, text=text), line)


def _line_in(path: str, trace: TracebackType | None) -> int:
    """Innermost line of a file in a traceback, or 0."""
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
