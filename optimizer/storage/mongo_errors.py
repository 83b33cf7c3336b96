"""What an error of MongoDB means for whoever made the request: wait, end the study, or end the process.

An outage is whatever is not an answer to the request. So everything waits that is about the server, the network, the
account or the moment, and every code that is not listed here; what ends a study is listed one by one: the request
itself is wrong, and the same request gets the same answer again. What ends the process cannot change while it runs.

Source of codes and names: MongoDB's `src/mongo/base/error_codes.yml`; of the driver's own errors: `pymongo.errors`.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum, auto

from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    CollectionInvalid,
    ConfigurationError,
    ConnectionFailure,
    EncryptionError,
    InvalidName,
    InvalidOperation,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
)


class Reaction(StrEnum):
    """What to do after an error of MongoDB."""

    WAIT = auto()  # the same request may succeed later
    END_STUDY = auto()  # the answer stays the same: whoever made the request has to report it
    END_PROCESS = auto()  # no request of this process can succeed


#: Codes whose request is wrong, or about something that is not as it was assumed.
_WRONG_REQUESTS = {
    2: "BadValue", 3: "OBSOLETE_DuplicateKey", 4: "NoSuchKey", 5: "GraphContainsCycle", 9: "FailedToParse",
    10: "CannotMutateObject", 14: "TypeMismatch", 15: "Overflow", 16: "InvalidLength", 19: "CannotReuseObject",
    20: "IllegalOperation", 21: "EmptyArrayOperation", 22: "InvalidBSON", 26: "NamespaceNotFound",
    27: "IndexNotFound", 28: "PathNotViable", 29: "NonExistentPath", 30: "InvalidPath", 34: "CannotBackfillArray",
    40: "ConflictingUpdateOperators", 47: "NoMatchingDocument", 48: "NamespaceExists", 52: "DollarPrefixedFieldName",
    53: "InvalidIdField", 54: "NotSingleValueField", 55: "InvalidDBRef", 56: "EmptyFieldName", 57: "DottedFieldName",
    59: "CommandNotFound", 65: "MultipleErrorsOccurred", 66: "ImmutableField", 67: "CannotCreateIndex",
    68: "IndexAlreadyExists", 72: "InvalidOptions", 73: "InvalidNamespace", 81: "NoMatchParseContext",
    84: "OBSOLETE_DuplicateKeyValue", 85: "IndexOptionsConflict", 86: "IndexKeySpecsConflict",
    97: "NoProjectionFound", 111: "NotExactValueField", 115: "CommandNotSupported", 116: "DocTooLargeForCapped",
    121: "DocumentValidationFailure", 139: "JSInterpreterFailure", 142: "JSUncatchableError",
    146: "ExceededMemoryLimit", 151: "OperationCannotBeBatched", 159: "DurationOverflow",
    160: "MaxStalenessOutOfRange", 161: "IncompatibleCollationVersion", 162: "CollectionIsEmpty",
    165: "ViewDepthLimitExceeded", 166: "CommandNotSupportedOnView", 167: "OptionNotSupportedOnView",
    168: "InvalidPipelineOperator", 169: "CommandOnShardedViewNotSupportedOnMongod",
    170: "TooManyMatchingDocuments", 171: "CannotIndexParallelArrays", 181: "AmbiguousIndexKeyPattern",
    182: "InvalidViewDefinition", 195: "ViewPipelineMaxSizeExceeded", 197: "InvalidIndexSpecificationOption",
    201: "CannotBuildIndexKeys", 207: "InvalidUUID", 218: "UpdateOperationFailed", 224: "QueryFeatureNotAllowed",
    232: "MaxSubPipelineDepthExceeded", 233: "TooManyDocumentSequences", 235: "InternalErrorNotSupported",
    238: "NotImplemented", 241: "ConversionFailure", 242: "CannotCreateCollection", 257: "TransactionTooLarge",
    260: "InvalidResumeToken", 263: "OperationNotSupportedInTransaction", 271: "JSInterpreterFailureWithStack",
    291: "NoQueryExecutionPlans", 292: "QueryExceededMemoryLimitNoDiskUseAllowed", 301: "DataCorruptionDetected",
    349: "KeyPatternShorterThanBound", 357: "InvalidBSONType", 359: "CannotConvertIndexToUnique",
    378: "NonConformantBSON", 386: "DuplicateKeyId", 388: "TransactionTooLargeForCache",
    395: "TruncatedSerialization", 396: "IndexInformationTooLarge", 411: "QueryRejectedBySettings",
    10003: "CannotGrowDocumentInCappedNamespace", 10334: "BSONObjectTooLarge", 11000: "DuplicateKey",
    11001: "LegacyDuplicateKey", 12582: "LegacyDuplicateKeyOfUpdate",
    13113: "MergeStageNoMatchingDocument", 13297: "DatabaseDifferCase", 17280: "OBSOLETE_KeyTooLong",
    31082: "SearchNotEnabled", 40413: "IDLDuplicateField", 40414: "IDLFailedToParse", 40415: "IDLUnknownField",
    4662500: "IDLUnknownFieldPossibleMongocryptd",
}  # fmt: skip
#: Codes of a server that this program cannot work with, whatever it requests.
_WRONG_SERVERS = {
    12: "UnsupportedFormat",
    17: "ProtocolError",
    101: "OutdatedClient",
    126: "RPCProtocolNegotiationFailed",
    183: "ClientMetadataMissingField",
    184: "ClientMetadataAppNameTooLarge",
    185: "ClientMetadataDocumentTooLarge",
    188: "IncompatibleServerVersion",
    223: "IllegalOpMsgFlag",
    322: "APIVersionError",
    323: "APIStrictError",
    324: "APIDeprecationError",
    334: "MechanismUnavailable",
    347: "APIMismatchError",
    352: "UnsupportedOpQueryCommand",
    354: "LoadBalancerSupportMismatch",
}
#: Reaction by code; every other code waits.
BY_CODE: Mapping[int, Reaction] = {
    **dict.fromkeys(_WRONG_REQUESTS, Reaction.END_STUDY),
    **dict.fromkeys(_WRONG_SERVERS, Reaction.END_PROCESS),
}
#: Reaction to the driver's own errors, which have no code; the first class that fits counts.
BY_CLASS: tuple[tuple[type[PyMongoError], Reaction], ...] = (
    (AutoReconnect, Reaction.WAIT),
    (ConnectionFailure, Reaction.WAIT),
    (WaitQueueTimeoutError, Reaction.WAIT),
    (InvalidURI, Reaction.END_PROCESS),
    (ConfigurationError, Reaction.END_PROCESS),
    (InvalidName, Reaction.END_STUDY),
    (CollectionInvalid, Reaction.END_STUDY),
    (InvalidOperation, Reaction.END_STUDY),
    (EncryptionError, Reaction.END_STUDY),
)
#: Answer of a single server to a write that the driver has repeated as a replica set would understand it: PyMongo does
#: so once it could not make a connection (seen in 4.20). Nothing was written, and the next attempt is an ordinary one.
_REPEATED_WRONGLY = "Transaction numbers are only allowed on a replica set"


def classify(error: PyMongoError) -> Reaction:
    """Return the reaction to an error; the same for every caller, bot and worker."""
    if not isinstance(error, OperationFailure):
        return next((reaction for kind, reaction in BY_CLASS if isinstance(error, kind)), Reaction.WAIT)
    if _REPEATED_WRONGLY in str((error.details or {}).get("errmsg", "")):
        return Reaction.WAIT
    found = {BY_CODE.get(code, Reaction.WAIT) for code in _codes(error)}
    # Of several errors of one bulk write: what may still succeed is tried again, which harms nothing.
    return next(reaction for reaction in (Reaction.END_PROCESS, Reaction.WAIT, Reaction.END_STUDY) if reaction in found)


def is_lost_connection(error: PyMongoError) -> bool:
    """Check for an error that no server answered with."""
    return isinstance(error, ConnectionFailure | WaitQueueTimeoutError)


def _codes(error: OperationFailure) -> Iterator[int]:
    """Yield the codes of an error, of a bulk write those of its parts. A server may answer without any: -1."""
    details = error.details or {}
    parts = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
    if isinstance(error, BulkWriteError) and parts:
        yield from (int(part.get("code") or -1) for part in parts)
    else:
        yield error.code or -1
