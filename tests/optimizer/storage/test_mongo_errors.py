"""What an error of MongoDB means: a row for every documented code, three invented ones, and the driver's own errors."""

from pathlib import Path

import pytest
from pymongo import errors
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from optimizer.storage.mongo_errors import BY_CODE, Reaction, classify, is_lost_connection
from optimizer.storage.outage import ends_process, is_outage, name_of

LINES = (Path(__file__).parent / "mongo_error_codes.txt").read_text().splitlines()
ROWS = [(int(code), name, Reaction(reaction)) for code, name, reaction in (line.split() for line in LINES[2:])]
#: The reaction to each of the driver's errors that has no code.
DRIVER = {
    "AutoReconnect": Reaction.WAIT,
    "ConfigurationError": Reaction.END_PROCESS,
    "ConnectionFailure": Reaction.WAIT,
    "CollectionInvalid": Reaction.END_STUDY,
    "EncryptedCollectionError": Reaction.END_STUDY,
    "EncryptionError": Reaction.END_STUDY,
    "InvalidName": Reaction.END_STUDY,
    "InvalidOperation": Reaction.END_STUDY,
    "InvalidURI": Reaction.END_PROCESS,
    "NetworkTimeout": Reaction.WAIT,
    "NotPrimaryError": Reaction.WAIT,
    "ProtocolError": Reaction.WAIT,
    "PyMongoError": Reaction.WAIT,
    "ServerSelectionTimeoutError": Reaction.WAIT,
    "WaitQueueTimeoutError": Reaction.WAIT,
}


def bulk(*codes: int, **more: object) -> BulkWriteError:
    """A bulk write of which some parts failed."""
    return BulkWriteError({"writeErrors": [{"code": code} for code in codes], **more})


@pytest.mark.parametrize(("code", "name", "reaction"), ROWS, ids=lambda value: str(value))
def test_documented_code_means(code: int, name: str, reaction: Reaction) -> None:
    assert classify(OperationFailure(name, code)) is reaction


def test_every_row_of_the_table_is_documented() -> None:
    assert set(BY_CODE) <= {code for code, _, _ in ROWS}
    assert len(ROWS) > 450


@pytest.mark.parametrize("code", [99, 123_456, 999_999, None])
def test_code_that_nobody_documents_waits(code: int | None) -> None:
    assert classify(OperationFailure("invented", code)) is Reaction.WAIT


@pytest.mark.parametrize("name", sorted(DRIVER))
def test_error_of_the_driver_means(name: str) -> None:
    kind: type[PyMongoError] = getattr(errors, name)

    assert classify(kind.__new__(kind)) is DRIVER[name]


def test_every_error_of_the_driver_has_a_code_or_a_row() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PyMongoError)}
    without = {kind.__name__ for kind in kinds if not issubclass(kind, OperationFailure)}

    # `_OperationCancelled` is an `AutoReconnect`; bulk writes over several collections are not used here.
    assert {name for name in without if not name.startswith("_")} - {"ClientBulkWriteException"} == set(DRIVER)


@pytest.mark.parametrize(
    ("error", "reaction"),
    [
        (bulk(11000, 11000), Reaction.END_STUDY),
        (bulk(11000, 112), Reaction.WAIT),
        (bulk(13), Reaction.WAIT),
        (bulk(11000, writeConcernErrors=[{"code": 64}]), Reaction.WAIT),
        (bulk(11000, 352), Reaction.END_PROCESS),
        (bulk(), Reaction.END_STUDY),
    ],
)
def test_bulk_write_is_tried_again_as_long_as_a_part_of_it_may_succeed(
    error: BulkWriteError, reaction: Reaction
) -> None:
    assert classify(error) is reaction


def test_outage_is_whatever_is_not_an_answer() -> None:
    assert is_outage(OperationFailure("x", 13))
    assert is_outage(errors.AutoReconnect("x"))
    assert not is_outage(OperationFailure("x", 121))
    assert not is_outage(ValueError("x"))
    assert ends_process(errors.ConfigurationError("x"))
    assert is_lost_connection(errors.ServerSelectionTimeoutError("x"))
    assert not is_lost_connection(OperationFailure("x", 13))


def test_log_names_the_kind_and_the_code_and_no_text() -> None:
    assert name_of(OperationFailure("user alice, password hunter2", 18)) == "OperationFailure:18"
    assert name_of(errors.AutoReconnect("mongodb://a:secret@b")) == "AutoReconnect"
