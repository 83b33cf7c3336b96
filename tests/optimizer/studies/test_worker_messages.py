"""Every message comes out of its line as it went in."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from optimizer.domain.study_results import StudyState
from optimizer.errors import UnknownStrategy
from optimizer.studies import worker_messages as messages
from optimizer.studies.replay import Difference

RIVAL = messages.RivalRun(params={"period": 14}, allow_short=False, unseen_from=date(2024, 1, 2))
REQUESTS: list[messages.Request] = [
    messages.Configure(mongodb_uri="mongodb://localhost", snapshots=Path("snapshots")),
    messages.RunStudy(study_name="opt-7f3a"),
    messages.ReplayStudy(study_name="opt-7f3a"),
    messages.ChallengeStudy(study_name="opt-7f3a", rival=RIVAL),
]
ANSWERS: list[messages.Answer] = [
    messages.Ready(),
    messages.Finished(state=StudyState.PAUSED),
    messages.Replayed(n_trials=200, difference=None),
    messages.Replayed(n_trials=200, difference=Difference(field="trials[3].value", was="0.1", now="0.2")),
    messages.Failed(error=UnknownStrategy.of("rsy", ["rsi"]).as_document()),
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_is_one_line_that_reads_back(request_: messages.Request) -> None:
    assert "\n" not in messages.encode(request_)
    assert messages.decode_request(messages.encode(request_)) == request_


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_one_line_that_reads_back(answer: messages.Answer) -> None:
    assert "\n" not in messages.encode(answer)
    assert messages.decode_answer(messages.encode(answer)) == answer


@pytest.mark.parametrize("line", ["", "{}", '{"kind": "dance"}', '{"study": "opt-7f3a"}'])
def test_anything_else_is_refused(line: str) -> None:
    with pytest.raises(ValidationError):
        messages.decode_request(line)
