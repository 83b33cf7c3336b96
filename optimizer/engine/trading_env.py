"""The engine's account as a Gymnasium environment, for policies that are trained outside (docs/environment.md).

What an agent sees at a close depends on the bars up to it alone. What it decides there is traded at the next open with
the costs of a study, and its reward is the return of the next bar beyond that of cash.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from optimizer.domain.bars import Bars, FloatArray
from optimizer.domain.study_request import Account, Costs
from optimizer.engine import stepping
from optimizer.engine.price_table import PriceTable
from optimizer.errors import Phrase, TooFewBars
from optimizer.learned.policy.policy_features import FEATURES, N_BEFORE, features

#: Features are within these, and so is the side.
_MOST = 3.0
#: What an action holds: nothing, a long position, a short one.
SIDES = (0, 1, -1)
_USUAL_COSTS, _NO_ACCOUNT = Costs(), Account()


class TradingEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """One account over one symbol's bars.

    Observation: (8,) the seven features at the close, and the side held. Actions: 0 stay out, 1 long and, with
    `allow_short`, 2 short. An episode is truncated at its last bar and terminated when the account is used up.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  # gymnasium declares it so

    def __init__(
        self,
        bars: Bars,
        *,
        costs: Costs = _USUAL_COSTS,
        account: Account = _NO_ACCOUNT,
        allow_short: bool = False,
        n_bars: int | None = None,
    ) -> None:
        """Prepare bars; an episode has `n_bars` from a random row on, or all bars after the first 120.

        Raises UnusableBars, or TooFewBars when no episode fits.
        """
        table = PriceTable.of(bars, costs, account)
        self.prices, self.terms, self.features = table.prices, table.terms, features(bars)
        self._n_bars = n_bars or max(len(bars) - N_BEFORE, 2)
        if len(bars) < N_BEFORE + self._n_bars or self._n_bars < 2:
            need = N_BEFORE + max(self._n_bars, 2)
            raise TooFewBars(symbol=bars.symbol, have=len(bars), need=need, reason=Phrase("empty_window"))
        self._latest_start = len(bars) - self._n_bars
        self.account: FloatArray = np.zeros(stepping.N_COLUMNS)
        self._view = np.zeros(len(FEATURES) + 1, dtype=np.float32)
        self.observation_space = spaces.Box(-_MOST, _MOST, self._view.shape, np.float32)
        self.action_space = spaces.Discrete(3 if allow_short else 2)
        self._last = 0

    @property
    def row(self) -> int:
        """Bar at whose close the account stands."""
        return int(self.account[stepping.ROW])

    @property
    def equity(self) -> float:
        """Equity at that close, from 1.0 on."""
        return float(self.account[stepping.EQUITY])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode at a random row, or at that of `options`: `{"row": 500}`."""
        super().reset(seed=seed)
        row = (options or {}).get("row")
        first = int(self.np_random.integers(N_BEFORE, self._latest_start + 1)) if row is None else int(row)
        self._last = min(first + self._n_bars, len(self.prices[0])) - 1
        stepping.open_account(self.prices, self.terms, self.account, first)
        return self._look(), {}

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Hold what an action says from the next open on: observation, reward, terminated, truncated, nothing."""
        reward = stepping.advance(self.prices, self.terms, self.account, SIDES[action])
        return self._look(), reward, self.equity <= 0.0, self.row >= self._last, {}

    def _look(self) -> NDArray[np.float32]:
        stepping.look(self.features, self.account, self._view)
        return self._view.copy()
