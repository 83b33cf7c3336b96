"""Conversion of trials to MongoDB documents, from one, and from many in BSON."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import bson
from bson.codec_options import CodecOptions

from optimizer.domain.study_results import TrialRecord, TrialState

#: Cached, because pydantic takes longer to list the fields than to build a record.
_RECORD_FIELDS = tuple(TrialRecord.model_fields)
#: Stored trials whose record `is_feasible`.
FEASIBLE: Mapping[str, Any] = MappingProxyType(
    {"value": {"$ne": None}, "violation": {"$lte": 0}, "state": str(TrialState.COMPLETE)}
)
_IN_UTC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)


def trial_document(study_name: str, record: TrialRecord, completed_at: datetime) -> dict[str, Any]:
    """Convert a trial to a plain dict for bulk writes, without a model per row."""
    fields = vars(record).copy()  # a dump would copy the set; the model's own iterator takes eight times as long
    number, fields["state"] = fields.pop("number"), str(record.state)
    return {"study": study_name, "trial_number": number, **fields, "completed_at": completed_at, "backtest_id": None}


def trial_record(document: dict[str, Any]) -> TrialRecord:
    """Trial of a stored document."""
    fields = {name: document[name] for name in _RECORD_FIELDS if name in document}
    return TrialRecord(number=document["trial_number"], **fields)


def unpacked(packed: bytes) -> list[TrialRecord]:
    """Trials of concatenated BSON documents, as `OptimizationService.packed_trials` returns them."""
    return [trial_record(document) for document in bson.decode_all(packed, _IN_UTC)]
