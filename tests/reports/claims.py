"""What the sentences of an answer claim, and which claims contradict each other."""

from fnmatch import fnmatch
from functools import cache
from itertools import combinations

from reports.sentences import NOTHING_WON

#: What sentences claim, by patterns of their keys.
CLAIMS = {
    "good": ("verdict_strong", "verdict_promising"),
    "bad": ("verdict_failed_unseen", "verdict_overfit"),
    "strong": ("verdict_strong",),
    "weak": ("verdict_unproven", "verdict_failed_unseen", "verdict_overfit"),
    "use it": ("suggestion_adopt", "advice_adopt"),
    "keep an eye on it": ("suggestion_watch", "suggestion_re*", "advice_watch", "advice_re*"),
    "leave it": ("suggestion_drop", "advice_drop", "advice_ranking_fails", "advice_lost_unseen"),
    "passed everything": ("because_all_checks", "because_spike"),
    "more than luck": ("confidence_strong", "because_below_*", "because_all_checks"),
    "likely more than luck": (
        "confidence_strong", "confidence_middling", "because_luck_not_excluded", "because_slipped_but*",
    ),
    "luck is enough": ("confidence_weak", "because_luck_explains", "because_luck_and_market_explain", "advice_drop"),
    "choice keeps": ("halves_kept",),
    "choice loses": ("halves_lost", "because_ranking_fails", "because_choice_loses"),
    "luck is open": ("confidence_open", "because_luck_open", "confidence_middling", "because_luck_not_excluded"),
    "ranking holds": ("pbo_low", "pbo_middling"),
    "ranking fails": ("pbo_high", "because_ranking_noisy"),
    "ranking unknown": ("pbo_unknown", "because_ranking_unknown"),
    "ranking is idle": ("pbo_alike", "because_sets_alike"),
    "unseen lost": (
        "because_lost_unseen", "because_slipped_*", "because_lost_a_little", "because_ranking_fails",
    ),
    "interval is low": ("interval_below_zero",),
    "unseen gained": ("interval_above_zero", "because_faded"),
    "no unseen": ("because_unseen_*",),
    "refits gained": ("walk_gained",),
    "refits lost": ("walk_lost", "because_refits_lost", "because_refits_weak"),
    "no refits": ("no_walk_forward",),
    "nothing won": tuple(f"because_{case.value}" for case in NOTHING_WON),
    "something won": (
        "confidence_*", "parts_*", "halves_*", "pbo_*", "walk_*", "default_better", "plateau", "slope",
        "*spike",
    ),
    "on a spike": ("spike", "lone_spike", "because_spike"),
    "on a plateau": ("plateau", "slope"),
    "hold is better": ("because_below_hold", "advice_below_hold"),
    "beats hold": ("advice_adopt",),
    "default is better": ("default_better",),
    "nothing was fitted": ("because_one_set",),
    "fitted too much": ("verdict_overfit", "because_ranking_fails"),
}  # fmt: skip
OPPOSED = (
    ("good", "bad"), ("good", "leave it"), ("weak", "use it"), ("bad", "use it"), ("use it", "leave it"),
    ("use it", "keep an eye on it"), ("keep an eye on it", "leave it"), ("bad", "passed everything"),
    ("weak", "passed everything"), ("more than luck", "luck is enough"), ("likely more than luck", "luck is enough"),
    ("more than luck", "luck is open"), ("luck is enough", "luck is open"), ("good", "luck is enough"),
    ("ranking holds", "ranking fails"), ("ranking holds", "ranking unknown"), ("ranking holds", "ranking is idle"),
    ("ranking fails", "ranking is idle"), ("ranking fails", "ranking unknown"), ("good", "ranking fails"),
    ("unseen lost", "unseen gained"), ("interval is low", "unseen gained"), ("interval is low", "good"),
    ("unseen lost", "no unseen"), ("strong", "unseen lost"), ("use it", "unseen lost"),
    ("choice keeps", "choice loses"), ("good", "choice loses"),
    ("refits gained", "refits lost"), ("no refits", "refits lost"), ("no refits", "refits gained"),
    ("strong", "refits lost"), ("use it", "refits lost"),
    ("nothing won", "something won"), ("nothing won", "good"), ("on a spike", "on a plateau"),
    ("on a spike", "use it"), ("hold is better", "beats hold"), ("default is better", "use it"),
    ("nothing was fitted", "fitted too much"),
)  # fmt: skip


@cache
def contradictions(keys: tuple[str, ...]) -> list[tuple[str, str]]:
    """Pairs of sentences that claim opposed things."""
    claimed = {key: claims_of(key) for key in keys}
    return [
        (one, other)
        for one, other in combinations(claimed, 2)
        if any(
            (a in claimed[one] and b in claimed[other]) or (b in claimed[one] and a in claimed[other])
            for a, b in OPPOSED
        )
    ]


@cache
def claims_of(key: str) -> frozenset[str]:
    """Claims of a sentence."""
    return frozenset(claim for claim, patterns in CLAIMS.items() if any(fnmatch(key, pattern) for pattern in patterns))
