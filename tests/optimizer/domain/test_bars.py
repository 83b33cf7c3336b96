"""What holds of bars before anything is computed of them."""

import numpy as np
import pytest

from optimizer.domain.bars import require_prices
from optimizer.errors import UnusableBars
from tests.bars import made_up_bars
from tests.refused import refused


@pytest.mark.parametrize(("column", "value", "said"), [("open", np.nan, "open is nan"), ("low", -1.0, "low is -1")])
def test_a_price_that_no_one_can_pay_is_named_with_its_date(column: str, value: float, said: str) -> None:
    bars = made_up_bars(300)
    require_prices(bars)
    getattr(bars, column)[20] = value

    with refused(UnusableBars, match=f"{said} on 2001-01-29"):
        require_prices(bars)
