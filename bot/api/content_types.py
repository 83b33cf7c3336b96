"""Trials of a study in the format that a program accepts: JSON, CSV or Parquet."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from starlette.responses import Response

from bot.api.errors import NotOffered
from bot.api.problem_details import weights
from bot.api.responses import StudyTrials
from bot.delivery.trial_table import csv_text, trial_table
from optimizer.domain.study_results import TrialRecord
from optimizer.market.warehouse.parquet import parquet_bytes

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
PYTHON, TEXT = "text/x-python", "text/plain"

_Writer = Callable[[str, Sequence[TrialRecord]], bytes]


def _json(study_name: str, trials: Sequence[TrialRecord]) -> bytes:
    return StudyTrials.model_construct(study_name=study_name, trials=list(trials)).model_dump_json().encode()


def _csv(study_name: str, trials: Sequence[TrialRecord]) -> bytes:
    return csv_text(trial_table(trials)).encode()


def _parquet(study_name: str, trials: Sequence[TrialRecord]) -> bytes:
    return parquet_bytes(trial_table(trials))


#: Writer and file extension of each format, the default first.
_FORMS: Mapping[str, tuple[_Writer, str]] = {JSON: (_json, "json"), CSV: (_csv, "csv"), PARQUET: (_parquet, "parquet")}


def choose_form(accept: str, forms: Sequence[str] = tuple(_FORMS)) -> str:
    """Return the format an Accept header prefers (RFC 9110, 12.5.1). Raises NotOffered."""
    for wanted, weight in weights(accept or "*/*"):
        if weight > 0 and (form := _match(wanted, forms)) is not None:
            return form
    raise NotOffered(word=accept, known=", ".join(forms))


def _match(wanted: str, forms: Sequence[str]) -> str | None:
    kind, _, subtype = wanted.partition("/")
    for form in forms:
        if wanted in ("*/*", form) or (subtype == "*" and form.startswith(f"{kind}/")):
            return form
    return None


async def write_response(form: str, study_name: str, trials: Sequence[TrialRecord]) -> Response:
    """Write the trials in one of the formats, off the event loop, since there may be ten thousand."""
    write, ending = _FORMS[form]
    content = await asyncio.to_thread(write, study_name, trials)
    headers = {"Vary": "Accept"}
    if form != JSON:
        headers["Content-Disposition"] = f'attachment; filename="{study_name}.{ending}"'
    return Response(content, headers=headers, media_type=form)
