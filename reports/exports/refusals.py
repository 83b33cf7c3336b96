"""What a target cannot express, as errors that name the part and the nearest thing that works."""

from optimizer.errors import Phrase, UserError


class NoRules(UserError):
    """Raised for a strategy whose rules are known as code only. Facts: strategy."""


class RulesLearned(NoRules):
    """Raised for a strategy that learns, whose rules change from fit to fit. Facts: strategy."""


class NotExpressible(UserError):
    """Raised for a part of a study that a target cannot express. Facts: target, part, reason, study, instead."""


def refuse(target: str, part: str, reason: str, instead: str = "trades", *, study: str = "ID") -> NotExpressible:
    """Return the error for a part, by the word that asks for it, with the key of the reason's phrase."""
    return NotExpressible(target=target, part=part, reason=Phrase(reason), study=study, instead=instead)
