"""Verifies Slack's request signature and rejects stale or replayed requests.

A signature is made from the time and the body, so the same signature again is the same request again:
Slack signs its own redeliveries anew. Signatures are remembered for as long as their time is accepted.
Source: docs.slack.dev/authentication/verifying-requests-from-slack.
"""

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

#: Largest difference in seconds between the time of a request and now, either way.
TOLERANCE = 300
#: Most bytes of a body; Slack sends much less.
LONGEST_BODY = 1_000_000


class ReplayGuard:
    """Accepts each signed request once."""

    def __init__(self, signing_secret: str, clock: Callable[[], float] = time.time) -> None:
        self._secret = signing_secret.encode()
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()

    def accepts(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Check that Slack signed this request now and for the first time; `headers` by names in lower case."""
        moment, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
        if not (moment.isascii() and moment.isdecimal() and len(moment) <= 12 and signature.isascii()):
            return False
        now = self._clock()
        if abs(now - int(moment)) > TOLERANCE or not hmac.compare_digest(self._sign(moment, body), signature):
            return False
        self._forget(now)
        if signature in self._seen:
            return False
        # A time in the future is accepted for longer.
        self._seen[signature] = max(now, int(moment)) + TOLERANCE
        return True

    @property
    def n_remembered(self) -> int:
        """Number of remembered signatures."""
        return len(self._seen)

    def _sign(self, moment: str, body: bytes) -> str:
        return "v0=" + hmac.new(self._secret, b"v0:" + moment.encode() + b":" + body, hashlib.sha256).hexdigest()

    def _forget(self, now: float) -> None:
        """Drop expired signatures; a late entry behind a later one stays a little longer."""
        while self._seen and next(iter(self._seen.values())) < now:
            self._seen.popitem(last=False)
