"""Numbers by which optuna-dashboard knows studies, made from their names."""

_PREFIX = "opt-"


def number_of(study_name: str) -> int:
    """Return the dashboard's number of a study. The leading 1 keeps zeros at the beginning of a name."""
    return int("1" + study_name.removeprefix(_PREFIX), 16)


def name_of(number: int) -> str:
    """Return the study of a number; KeyError for a number that no study has."""
    digits = f"{number:x}"
    if number < 16 or digits[0] != "1":
        raise KeyError(number)
    return _PREFIX + digits[1:]
