"""The engine's account as Gymnasium environments, one and many, for policies trained outside (docs/environment.md).

What an agent sees at a close depends on the bars up to it alone. What it decides there is traded at the next open with
the costs of a study, and its reward is the return of the next bar beyond that of cash.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
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
_SIDES = np.array(SIDES)
_USUAL_COSTS, _NO_ACCOUNT = Costs(), Account()

Views = NDArray[np.float32]
Flags = NDArray[np.bool_]


class Episodes:
    """Bars that are played: where an episode may begin, what an agent sees there, and what it may do."""

    def __init__(self, bars: Bars, costs: Costs, account: Account, *, allow_short: bool, n_bars: int | None) -> None:
        """Prepare bars; an episode has `n_bars`, or all bars after the first 120.

        Raises UnusableBars, or TooFewBars when no episode fits.
        """
        table = PriceTable.of(bars, costs, account)
        self.prices, self.terms, self.features = table.prices, table.terms, features(bars)
        self._n_bars = n_bars or max(len(bars) - N_BEFORE, 2)
        self._n_rows = len(bars)
        if len(bars) < N_BEFORE + self._n_bars or self._n_bars < 2:
            need = N_BEFORE + max(self._n_bars, 2)
            raise TooFewBars(symbol=bars.symbol, have=len(bars), need=need, reason=Phrase("empty_window"))
        self.view_space = spaces.Box(-_MOST, _MOST, (len(FEATURES) + 1,), np.float32)
        self.n_actions = 3 if allow_short else 2
        self.action_space = spaces.Discrete(self.n_actions)

    def first(self, rng: np.random.Generator, options: dict[str, Any] | None) -> int:
        """Row at whose close an episode begins: a random one, or that of `options`. Raises ValueError."""
        row = (options or {}).get("row")
        if row is None:
            return int(rng.integers(N_BEFORE, self._n_rows - self._n_bars + 1))
        if not N_BEFORE <= row < self._n_rows - 1:
            raise ValueError(f"an episode begins at a row from {N_BEFORE} to {self._n_rows - 2}, not at {row}")
        return int(row)

    def last(self, first: int) -> int:
        """Row at which an episode is cut off."""
        return min(first + self._n_bars, self._n_rows) - 1


class TradingEnv(gymnasium.Env[Views, np.int64]):
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
        """Prepare bars as `Episodes` does."""
        self._episodes = Episodes(bars, costs, account, allow_short=allow_short, n_bars=n_bars)
        self.prices, self.terms, self.features = self._episodes.prices, self._episodes.terms, self._episodes.features
        self.account: FloatArray = np.zeros(stepping.N_COLUMNS)
        self._view = np.zeros(len(FEATURES) + 1, dtype=np.float32)
        self.observation_space, self.action_space = self._episodes.view_space, self._episodes.action_space
        self._last = 0

    @property
    def row(self) -> int:
        """Bar at whose close the account stands."""
        return int(self.account[stepping.ROW])

    @property
    def equity(self) -> float:
        """Equity at that close, from 1.0 on."""
        return float(self.account[stepping.EQUITY])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Views, dict[str, Any]]:
        """Begin an episode at a random row, or at that of `options`: `{"row": 500}`."""
        super().reset(seed=seed)
        first = self._episodes.first(self.np_random, options)
        self._last = self._episodes.last(first)
        stepping.open_account(self.prices, self.terms, self.account, first)
        return self._look(), {}

    def step(self, action: np.int64) -> tuple[Views, float, bool, bool, dict[str, Any]]:
        """Hold what an action says from the next open on: observation, reward, terminated, truncated, nothing.

        Raises InvalidAction, or ResetNeeded after the last bar of an episode.
        """
        if not 0 <= action < self._episodes.n_actions:
            raise InvalidAction(f"{action} is no action of {self.action_space}")
        if self.row >= self._last:
            raise ResetNeeded("the episode has ended")
        reward = stepping.advance(self.prices, self.terms, self.account, SIDES[action])
        return self._look(), reward, self.equity <= 0.0, self.row >= self._last, {}

    def _look(self) -> Views:
        stepping.look(self.features, self.account, self._view)
        return self._view.copy()


class TradingVectorEnv(VectorEnv[Views, NDArray[np.int64], NDArray[Any]]):
    """Many accounts over one symbol's bars, each moved one bar on by a compiled step.

    Each account is what a `TradingEnv` is, to the last bit: account i of `reset(seed=s)` begins where that of the seed
    s + i does. As is Gymnasium's rule, the step after an episode's end begins the next one, whatever the action.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012  # as gymnasium declares

    def __init__(
        self,
        bars: Bars,
        num_envs: int,
        *,
        costs: Costs = _USUAL_COSTS,
        account: Account = _NO_ACCOUNT,
        allow_short: bool = False,
        n_bars: int | None = None,
    ) -> None:
        """Prepare bars as `Episodes` does, for so many accounts."""
        self.num_envs = num_envs
        self._episodes = Episodes(bars, costs, account, allow_short=allow_short, n_bars=n_bars)
        self.single_observation_space = self._episodes.view_space
        self.single_action_space = self._episodes.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.accounts: FloatArray = np.zeros((num_envs, stepping.N_COLUMNS))
        self._views = np.zeros((num_envs, len(FEATURES) + 1), dtype=np.float32)
        self._lasts = np.zeros(num_envs, dtype=np.int64)
        self._has_ended: Flags = np.ones(num_envs, dtype=np.bool_)
        self._rngs = [seeding.np_random()[0] for _ in range(num_envs)]

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Views, dict[str, Any]]:
        """Begin all episodes: each at a random row, or at that of `options`."""
        seeds = seed if isinstance(seed, list) else [None if seed is None else seed + i for i in range(self.num_envs)]
        for i, one in enumerate(seeds):
            if one is not None:
                self._rngs[i], _ = seeding.np_random(one)
            self._begin(i, options)
        self._has_ended[:] = False
        return self._views.copy(), {}

    def step(self, actions: NDArray[np.int64]) -> tuple[Views, FloatArray, Flags, Flags, dict[str, Any]]:
        """Step all accounts: observations, rewards, terminated, truncated, nothing. Raises InvalidAction."""
        if np.shape(actions) != (self.num_envs,) or not np.all((actions >= 0) & (actions < self._episodes.n_actions)):
            raise InvalidAction(f"{actions} are no actions of {self.action_space}")
        waits, rewards, episodes = self._has_ended, np.zeros(self.num_envs), self._episodes
        for i in np.flatnonzero(waits).tolist():
            self._begin(i, None)
        sides = _SIDES[actions]
        stepping.step_accounts(
            episodes.prices, episodes.terms, episodes.features, self.accounts, waits, sides, rewards, self._views
        )
        terminated = self.accounts[:, stepping.EQUITY] <= 0.0
        truncated = self.accounts[:, stepping.ROW] >= self._lasts
        self._has_ended = terminated | truncated
        return self._views.copy(), rewards, terminated, truncated, {}

    def _begin(self, i: int, options: dict[str, Any] | None) -> None:
        episodes = self._episodes
        first = episodes.first(self._rngs[i], options)
        self._lasts[i] = episodes.last(first)
        stepping.open_account(episodes.prices, episodes.terms, self.accounts[i], first)
        stepping.look(episodes.features, self.accounts[i], self._views[i])
