"""A study's forecast as a fan chart and as a table of the report."""

import re
from datetime import date, timedelta

import numpy as np
import pytest

from optimizer.domain.results.forecast_results import Forecast, ForecastOf
from optimizer.outlook.forecasts import HORIZONS, forecast_of
from reports.charts import chart_list, figures, gallery
from reports.charts.chart_labels import labels_of
from reports.facts import StudyFacts
from reports.languages import LANGUAGES, Language
from reports.render import renderer_of
from reports.tables.report_tables import forecast_rows
from tests.reports import facts
from tests.reports.test_charts import share_of

AS_OF = date(2024, 5, 31)
BLUE_BAND = (216, 231, 236)


def forecast(of: ForecastOf = ForecastOf.WINNER, n: int = 504) -> Forecast:
    returns = np.random.default_rng([7, of is ForecastOf.HOLD]).normal(0.0008, 0.01, n)
    return forecast_of(
        returns,
        of=of,
        as_of=AS_OF,
        target_dates={n_bars: AS_OF + timedelta(round(n_bars * 1.45)) for n_bars in HORIZONS},
        periods_per_year=252,
        naive_returns=returns,
        seed=1,
    )


def foretold(n: int = 504) -> StudyFacts:
    forecasts = (forecast(n=n), forecast(ForecastOf.HOLD, n))
    summary = facts.SUMMARIES["promising"].model_copy(update={"forecasts": forecasts, "n_unseen": n})
    return facts.finished("promising", summary=summary)


@pytest.mark.slow
@pytest.mark.filterwarnings("error")  # matplotlib warns of a character that no font has
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_study_with_a_forecast_has_a_fan_chart_in_each_language(language: Language) -> None:
    drawn = gallery.pictures(foretold(), facts.trials(10), language)

    assert list(drawn)[-1] == "forecast"
    assert share_of(drawn["forecast"], BLUE_BAND) > 0.02, "the band of nine tenths"


@pytest.mark.slow
def test_hold_is_a_line_of_the_fan_and_may_be_missing() -> None:
    rows = forecast_rows(forecast())
    fan = figures.Fan(
        days=(AS_OF, *(row.until for row in rows)),
        horizons=[row.n_bars for row in rows],
        bands=((0.0,) * 5, *(row.gained for row in rows)),
        hold=None,
    )
    alone = figures.fan(labels_of("en"), fan, title="x")
    beside = figures.fan(labels_of("en"), fan._replace(hold=(0.0, 0.1, 0.3, 0.6)), title="x")

    ink = (31, 35, 40)
    assert share_of(beside, ink) > share_of(alone, ink)


def test_only_a_study_with_a_forecast_has_the_chart() -> None:
    summary = foretold().summary
    assert summary is not None

    assert "forecast" in chart_list.expected(summary)
    assert "forecast" not in chart_list.expected(facts.SUMMARIES["promising"])


def test_rows_are_the_quantiles_that_are_shown() -> None:
    made = forecast(n=1008)
    rows = forecast_rows(made)

    assert [row.n_bars for row in rows] == [21, 63, 126, 252]
    quarter, horizon = rows[1], made.horizons[1]
    assert quarter.gained == tuple(horizon.measures[0].quantiles[place] for place in (2, 6, 11, 16, 20))
    assert quarter.fall == tuple(horizon.measures[2].quantiles[place] for place in (2, 6, 11, 16, 20))
    assert (quarter.until, quarter.p_loss) == (horizon.target_date, horizon.p_loss)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_has_a_row_for_each_horizon_of_winner_and_hold(language: Language) -> None:
    page = renderer_of(language).report(foretold(), facts.trials(10), {})
    [table] = re.findall(r'<table id="forecast".*?</table>', page, re.DOTALL)

    assert table.count('<th scope="row">') == 6
    assert "504" in page[page.index('id="h-forecast"') : page.index('<table id="forecast"')]
    assert 'id="forecast"' not in renderer_of(language).report(facts.finished("promising"), facts.trials(10), {})
