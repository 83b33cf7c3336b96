"""A backtest written a second time, the slow and obvious way: one bar after the other, one event after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from optimizer.domain.bars import Bars


@dataclass(kw_only=True)
class Position:
    """What is held, and the levels that guard it."""

    side: int
    entry_bar: int
    paid: float
    shares: float
    cash: float
    put_in: float
    fraction: float
    best: float
    own: float = 0.0  # cash that earns interest


@dataclass(frozen=True, kw_only=True)
class Broker:
    """What an account in money pays: fractions of an order's worth, and money."""

    capital: float
    slippage: float
    commission: float
    tax: float
    per_share: float
    least_fee: float
    is_whole: bool

    def fill(self, price: float, sign: int) -> float:
        """The price of a buy (sign 1) or a sale."""
        return price * (1 + sign * self.slippage)

    def fees(self, count: float, fill: float, sign: int) -> float:
        """What an order of so many shares pays besides its worth."""
        fee = max(self.commission * count * fill + self.per_share * count, self.least_fee)
        return fee + (self.tax * count * fill if sign < 0 else 0.0)

    def affordable(self, budget: float, price: float, sign: int) -> float:
        """Shares whose worth and fees are the budget: found by halving, of whole ones the last that fits."""
        low, high = 0.0, budget / price * 2
        for _ in range(200):
            middle = (low + high) / 2
            fill = self.fill(price, sign)
            low, high = (middle, high) if middle * fill + self.fees(middle, fill, sign) <= budget else (low, middle)
        return float(int(low + 1e-9)) if self.is_whole else low


@dataclass(kw_only=True)
class Ledger:
    """A slow backtest under way."""

    bars: Bars
    openings: Mapping[int, Sequence[bool]]  # by side: closes that would enter
    exits: Mapping[int, Sequence[bool]]
    buy: float = 1.0
    sell: float = 1.0
    short: float = 1.0
    stop: float = 0.0
    take: float = 0.0
    trail: float = 0.0
    max_hold: int = 0
    reenters: bool = False
    fractions: Sequence[float] | None = None
    interest: Sequence[float] | None = None  # by bar
    borrow: float = 0.0  # a bar
    broker: Broker | None = None
    equity: float = 1.0
    curve: list[float] = field(default_factory=list)
    trades: list[tuple[int, int, int, float, float]] = field(default_factory=list)
    position: Position | None = None
    waiting: dict[int, bool] = field(default_factory=lambda: {1: False, -1: False})

    def run(self, start: int, stop: int) -> "Ledger":
        """Play rows [start, stop)."""
        wants_out = False
        wants_in = 0
        for t in range(start, stop):
            if wants_out:
                self._leave(t, self.bars.open[t])
            if wants_in and self.equity > 0:
                self._enter(t, wants_in)
            is_idle = self.position is None or self.position.shares == 0
            if self.position:
                self._work_orders(t)
            self._mark(t, is_idle=is_idle)
            wants_out, by_time = self._decide_out(t)
            wants_in = self._decide_in(t, is_free=self.position is None or wants_out, blocked=by_time)
        if self.position:
            held = self.position
            self.trades.append((held.entry_bar, stop, held.side, held.paid, self.bars.close[stop - 1]))
        return self

    def _enter(self, t: int, side: int) -> None:
        price = self.bars.open[t]
        fraction = self.fractions[t - 1] if self.fractions is not None else 1.0
        if self.broker:
            count = self.broker.affordable(fraction * self.equity * self.broker.capital, price, side)
            fill = self.broker.fill(price, side)
            paid = side * count * fill + (self.broker.fees(count, fill, side) if count else 0.0)
            shares, cash = count / self.broker.capital, self.equity - paid / self.broker.capital
        else:
            shares = fraction * self.equity / (price * (self.buy if side > 0 else self.short))
            cash = self.equity - shares * price * self.buy if side > 0 else self.equity + shares * price * self.sell
        self.position = Position(
            side=side,
            entry_bar=t,
            paid=price,
            shares=side * shares,
            cash=cash,
            put_in=self.equity,
            fraction=fraction,
            best=price,
            own=cash if side > 0 else self.equity,
        )

    def _leave(self, t: int, price: float) -> None:
        held = self.position
        assert held
        if self.broker:
            count = abs(held.shares) * self.broker.capital
            fill = self.broker.fill(price, -held.side)
            fees = self.broker.fees(count, fill, -held.side) if count else 0.0
            self.equity = max(0.0, held.cash + held.shares * fill - fees / self.broker.capital)
        else:
            factor = self.sell if held.side > 0 else self.buy
            self.equity = max(0.0, held.cash + held.shares * price * factor)
        self.trades.append((held.entry_bar, t, held.side, held.paid, price))
        self.position = None

    def _work_orders(self, t: int) -> None:
        held = self.position
        assert held
        bars, long = self.bars, held.side > 0
        levels = []
        if self.stop:
            levels.append(held.paid * (1 - self.stop) if long else held.paid * (1 + self.stop))
        if self.trail:
            levels.append(held.best * (1 - self.trail) if long else held.best * (1 + self.trail))
        if levels:
            level = max(levels) if long else min(levels)
            if (long and bars.open[t] <= level) or (not long and bars.open[t] >= level):
                return self._stopped(t, bars.open[t])
            if (long and bars.low[t] <= level) or (not long and bars.high[t] >= level):
                return self._stopped(t, level)
        if self.take:
            target = held.paid * (1 + self.take) if long else held.paid * (1 - self.take)
            if (long and bars.high[t] >= target) or (not long and bars.low[t] <= target):
                return self._stopped(t, target)
        held.best = max(held.best, bars.high[t]) if long else min(held.best, bars.low[t])
        return None

    def _stopped(self, t: int, price: float) -> None:
        assert self.position
        side = self.position.side
        self._leave(t, price)
        self.waiting[side] = not self.reenters

    def _mark(self, t: int, *, is_idle: bool) -> None:
        held, earned = self.position, self.interest[t] if self.interest is not None else 0.0
        if held is None and is_idle:
            self.equity *= 1 + earned
        if held:
            held.cash += held.own * earned - max(0.0, -held.shares) * self.bars.close[t] * self.borrow
            held.own *= 1 + earned
            self.equity = held.cash + held.shares * self.bars.close[t]
            if self.equity <= 0:
                self.equity = 0.0
                self.trades.append((held.entry_bar, t, held.side, held.paid, self.bars.close[t]))
                self.position = None
        self.curve.append(self.equity)

    def _decide_out(self, t: int) -> tuple[bool, int]:
        """Whether to leave at the next open, and the side that the clock closed."""
        held = self.position
        if held is None:
            return False, 0
        if self.exits[held.side][t]:
            return True, 0
        if self.max_hold and t - held.entry_bar + 1 >= self.max_hold:
            return True, held.side
        return False, 0

    def _decide_in(self, t: int, *, is_free: bool, blocked: int) -> int:
        if blocked and self.reenters:  # from the close of the bar on at whose open it leaves
            return self._wanted(t, {-blocked}, is_free=is_free)
        if blocked:
            self.waiting[blocked] = True
        return self._wanted(t, {-1, 1}, is_free=is_free)

    def _wanted(self, t: int, sides: set[int], *, is_free: bool) -> int:
        wanted = 0
        for side in (-1, 1):  # long wins where both want in
            if not self.openings[side][t]:
                self.waiting[side] = False
            elif is_free and not self.waiting[side] and side in sides:
                wanted = side
        return wanted
