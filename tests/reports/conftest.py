"""Tests of reports: the browser's ones are left out, with a word, where there is no browser; never where CI runs."""

import os
import shutil

import pytest

_NOT_HERE = "{} test(s) of the HTML report in a browser left out: apt-get install chromium chromium-driver"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs Chromium on a machine without it."""
    if os.environ.get("CI") == "true" or (shutil.which("chromium") and shutil.which("chromedriver")):
        return
    left_out = [item for item in items if item.path.name == "test_browser.py"]
    items[:] = [item for item in items if item not in left_out]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        config.get_terminal_writer().line("\n" + _NOT_HERE.format(len(left_out)))
