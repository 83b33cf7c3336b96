"""When policies are found, and how many of them vote."""

from optimizer.learned.rows import Schedule

#: Policies that vote.
N_POLICIES = 5
#: Row of the first fit, and rows between two.
FIRST_FIT, REFIT = 756, 126


def schedule_of(memory: int) -> Schedule:
    """Rows at whose close policies are found again, and how far they look back."""
    return Schedule(first=FIRST_FIT, every=REFIT, memory=memory)
