"""Drawing of kinds of markets: labels are whole and apart at either size, and bands follow each other."""

from itertools import pairwise

import pytest

from bot.pages.regime_chart import LEFT, PHONE, SCREEN, YEAR, regime_chart
from optimizer.outlook.regime_history import regime_history
from tests.bars import sample_bars


@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
def test_labels_of_years_are_whole_and_apart_and_bands_join(size: tuple[int, int]) -> None:
    history = regime_history(sample_bars("AAPL"))
    chart = regime_chart(history, size)

    places = [x for x, _ in chart.years]
    assert len(places) >= 4
    assert all(later - earlier >= YEAR for earlier, later in pairwise(places))
    assert places[-1] <= chart.width - YEAR / 2
    points = [tuple(map(float, point.split(","))) for point in chart.line.split(" ")]
    assert all(LEFT <= x <= chart.width and 0 <= y <= chart.floor for x, y in points)
    labelled = [stretch for stretch in history.stretches if stretch.regime is not None]
    assert [band.regime for band in chart.bands] == [stretch.regime for stretch in labelled]
    for band, following in pairwise(chart.bands):
        assert band.x + band.width == pytest.approx(following.x, abs=0.11)
    assert chart.bands[-1].x + chart.bands[-1].width == pytest.approx(chart.width, abs=1.5)
