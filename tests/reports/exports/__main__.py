"""Write the golden scripts again: `python -m tests.reports.exports`, then look at the difference."""

from tests.fixed_rules import FIXED_RULES
from tests.reports.exports.test_pine import FOLDER, golden_script

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for key in FIXED_RULES:
        (FOLDER / f"{key}.pine").write_text(golden_script(key), encoding="utf-8")
