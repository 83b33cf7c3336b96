"""The HTML report in a real browser: at desktop and phone width, light and dark, sorted, and without the network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from reports.charts.draw import draw
from tests.browser import DESKTOP, PHONE, chromium, complaints, show
from tests.reports import facts


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Chromium with a fresh profile."""
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a report in Korean, the language with the widest letters."""
    folder: Path = tmp_path_factory.mktemp("report")
    draw(facts.finished("overfit"), facts.trials(), "ko", folder)
    return (folder / "report.html").as_uri()


def column(browser: webdriver.Chrome, n: int) -> list[str]:
    return [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, f"#trials tbody td:nth-child({n})")]


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_the_page_fits_the_screen_and_every_chart_is_there(browser: webdriver.Chrome, report: str, width: int) -> None:
    show(browser, report, width=width)

    assert browser.execute_script("return document.documentElement.scrollWidth") == width
    script = "return [...document.images].map(i => [i.naturalWidth, i.getBoundingClientRect().width])"
    sizes = browser.execute_script(script)
    assert len(sizes) == 6
    assert all(natural > 1000 and 300 < shown <= width for natural, shown in sizes)


def test_nothing_is_fetched_and_nothing_complains(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report)

    fetched = browser.execute_script("return performance.getEntriesByType('resource').map(r => r.name)")
    assert [name for name in fetched if not name.startswith("data:")] == []
    assert complaints(browser) == []


def test_a_click_sorts_and_a_second_turns_round(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report)
    number = browser.find_element(By.CSS_SELECTOR, "#trials th button")

    number.click()
    assert column(browser, 1)[:3] == ["199", "198", "197"]
    number.click()
    assert column(browser, 1)[:3] == ["0", "1", "2"]
    heading = browser.find_element(By.CSS_SELECTOR, "#trials th")
    assert heading.get_attribute("aria-sort") == "ascending"


def test_rows_without_a_value_stay_last(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report)
    value = browser.find_elements(By.CSS_SELECTOR, "#trials th button")[2]

    for _ in range(2):
        value.click()
        assert column(browser, 1)[-1] == "7"


def brightness(browser: webdriver.Chrome, of: str) -> float:
    color = browser.execute_script("return getComputedStyle(document.body)[arguments[0]]", of)
    return sum(int(part) for part in color[color.index("(") + 1 : -1].split(",")[:3]) / 3


def test_a_dark_screen_gets_a_dark_page(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report)
    assert brightness(browser, "backgroundColor") > 220 > 60 > brightness(browser, "color")

    show(browser, report, dark=True)
    assert brightness(browser, "backgroundColor") < 60 < 200 < brightness(browser, "color")


def test_it_prints(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report)

    assert len(browser.print_page()) > 100_000
