"""A measured number that may not exist."""

import math
from typing import Annotated

from pydantic import BeforeValidator


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


#: A float, or None where the measure does not exist; NaN and infinity become None on validation.
Measure = Annotated[float | None, BeforeValidator(_finite)]
