"""The strategy that every engine runs, in the words of `src/strategy/ema_cross.rs`: EMA 10/30, market orders, one stake.

At the close of a bar: a position is left when the averages are against it; without one, a cross of this bar or the one before
is entered. An exit and the entry that follows it are therefore a bar apart. Nothing is done before 140 bars were seen."""

from decimal import ROUND_DOWN, Decimal

FAST, SLOW, WARM_UP = 10, 30, 140
STAKE = Decimal(1000)
FEE = 0.0005
CAPITAL = 10_000
LEVERAGE = 10

BUY, SELL = 1, -1


class Ema:
    """Begun with the mean of the first n values, as TA-Lib does it."""

    def __init__(self, n):
        self.n, self.seen, self.sum, self.value = n, 0, 0.0, 0.0

    def update(self, value):
        if self.seen < self.n:
            self.seen += 1
            self.sum += value
            self.value = self.sum / self.n
        else:
            self.value += (value - self.value) * 2.0 / (self.n + 1.0)
        return self.value if self.seen == self.n else None


class EmaCross:
    """One symbol's signals. `on_bar` says `("enter", side)`, `("leave", None)` or nothing."""

    def __init__(self):
        self.fast, self.slow = Ema(FAST), Ema(SLOW)
        self.leans, self.crossed, self.age, self.seen = None, None, 0, 0

    def on_bar(self, close, position):
        """`position` is the side of what is held, or nothing."""
        self.seen += 1
        fast, slow = self.fast.update(close), self.slow.update(close)
        if fast is None or slow is None:
            return None
        self._look(fast, slow)
        idea = self._idea(position)
        return idea if self.seen >= WARM_UP else None

    def _look(self, fast, slow):
        leans = BUY if fast > slow else SELL if fast < slow else self.leans
        if self.leans is not None and leans != self.leans:
            self.crossed, self.age = leans, 0
        else:
            self.age += 1
        self.leans = leans

    def _idea(self, position):
        if position is not None:
            return ("leave", None) if self.leans == -position else None
        if self.crossed is None or self.age > 1:
            return None
        side, self.crossed = self.crossed, None
        return "enter", side


def quantity(close, step):
    """The stake in steps of the instrument, rounded down; `close` as it is written in the data."""
    return (STAKE / Decimal(close)).quantize(Decimal(step), rounding=ROUND_DOWN)
