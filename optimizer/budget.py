"""How many sets a study tries."""

from optimizer.space import Space
from optimizer.spec import SamplerKind, StudySpec


def budget(spec: StudySpec, space: Space) -> int:
    """How many unique sets the study will try."""
    return space.size if spec.sampler is SamplerKind.GRID else min(spec.n_trials, space.size)


def is_exhaustive(spec: StudySpec, space: Space) -> bool:
    """Whether every set of the space is tried."""
    return space.size <= budget(spec, space)
