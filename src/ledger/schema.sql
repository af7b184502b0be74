-- The ledger: what the daemon knows about itself, and what a restart begins from.
--
-- Tables end in `_rows` and are for the daemon; views without that ending are for people. Rules for both:
--   * Amounts (prices, quantities, USDT, ratios) are exact decimal texts, never floating point. A ratio is a
--     bare decimal: 0.01 is one per cent.
--   * Symbols are CCXT unified symbols, such as BTC/USDT:USDT.
--   * Instants are integers in tables (nanoseconds since 1970-01-01 UTC) and ISO 8601 texts in views. A column
--     that ends in `_wall` is wall-clock time; every other instant is session time, which is the same
--     with a real venue and the feed's own time in a virtual session.
--   * `session` and `seq` say which step of which session wrote the row.
--   * The venue's numbers are integers, or texts where they do not fit into 63 bits.
-- To read it while the daemon runs: sqlite3 -readonly ledger.sqlite 'SELECT * FROM trades'

-- What this ledger belongs to: `mode`, `venue`, `account`, `instance` (the two characters in every client
-- order id), `created_wall` (nanoseconds). Written once.
CREATE TABLE meta (
  key   TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
) STRICT;

-- One row a start of the daemon.
CREATE TABLE session_rows (
  id           INTEGER PRIMARY KEY,
  epoch        INTEGER NOT NULL UNIQUE, -- the number in the client order ids of this start
  version      TEXT NOT NULL,           -- the build
  config_hash  TEXT NOT NULL,           -- of the effective configuration
  seed         ANY NOT NULL,            -- of the synthetic feed and of random faults
  started_wall INTEGER NOT NULL,
  ended_wall   INTEGER,                 -- none while it runs, and if it was killed
  ended_at     INTEGER,
  exit         TEXT                     -- why it ended
) STRICT;

-- The one row of the wallet: cash = opening + moved, where `moved` is
-- Σ (realised − fee) of fills + Σ funding + Σ transfers + Σ cash of adjustments.
-- Changed in the transaction that moves it, with the place of the last durable step.
CREATE TABLE account_rows (
  id           INTEGER PRIMARY KEY CHECK (id = 1),
  opening      TEXT,                    -- none until the venue first told the balance
  moved        TEXT NOT NULL,
  cash         TEXT,
  last_session INTEGER,
  last_seq     INTEGER,
  last_at      INTEGER
) STRICT;

-- Orders as they were decided, durable before the request leaves. Never changed.
CREATE TABLE intent_rows (
  id              INTEGER PRIMARY KEY,
  client_id       TEXT NOT NULL UNIQUE, -- never used again
  session         INTEGER NOT NULL REFERENCES session_rows (id),
  seq             INTEGER NOT NULL,
  symbol          TEXT NOT NULL,
  side            TEXT NOT NULL,        -- buy, sell
  position_side   TEXT NOT NULL,        -- both, long, short
  kind            TEXT NOT NULL,        -- market, limit, stop_market, take_profit_market
  price           TEXT,                 -- of a limit order
  tif             TEXT,                 -- of a limit order: gtc, ioc, fok, post_only
  trigger_price   TEXT,                 -- of a conditional order
  trigger_by      TEXT,                 -- of a conditional order: mark, last
  qty             TEXT,                 -- none: whatever the position is when the order triggers
  reduce_only     INTEGER NOT NULL,
  leg             TEXT NOT NULL,        -- entry, exit, stop, take_profit, flatten
  strategy        TEXT NOT NULL,
  reason          TEXT NOT NULL,
  decided_at      INTEGER NOT NULL,
  reference_price TEXT NOT NULL,        -- the price that the decision was made at
  plan            TEXT,                 -- of an entry: stop, take profit and trailing stop, as JSON
  adopted         INTEGER NOT NULL,     -- 1: found at the venue, and not decided by this ledger's daemon
  decided_wall    INTEGER NOT NULL
) STRICT;

-- Where each order stands. One row an intent, changed in place.
CREATE TABLE order_rows (
  client_id       TEXT PRIMARY KEY NOT NULL REFERENCES intent_rows (client_id),
  venue_order_id  ANY,
  stage           TEXT NOT NULL,        -- intended, sent, working; or ended: not_sent, absent, rejected, expired, canceled, filled
  ended           INTEGER NOT NULL,     -- 1: the stage is one of the last six
  unknown_since   INTEGER,              -- since when the venue owes an answer
  cancel_pending  INTEGER NOT NULL,
  filled          TEXT NOT NULL,
  filled_notional TEXT NOT NULL,        -- Σ price × quantity of its fills
  reject_code     INTEGER,
  reject_reason   TEXT,
  updated_at      INTEGER NOT NULL,
  updated_wall    INTEGER NOT NULL
) STRICT;
CREATE INDEX order_open ON order_rows (client_id) WHERE ended = 0;
CREATE INDEX order_updated ON order_rows (updated_at);

-- Trades of ours at the venue. A fill counts once per symbol and trade id.
CREATE TABLE fill_rows (
  id             INTEGER PRIMARY KEY,
  session        INTEGER NOT NULL REFERENCES session_rows (id),
  seq            INTEGER NOT NULL,
  symbol         TEXT NOT NULL,
  trade_id       ANY NOT NULL,
  client_id      TEXT NOT NULL,         -- of a liquidation or a manual close it is somebody else's
  position_side  TEXT NOT NULL,
  side           TEXT NOT NULL,
  price          TEXT NOT NULL,
  qty            TEXT NOT NULL,
  fee            TEXT NOT NULL,         -- negative: a rebate
  maker          INTEGER NOT NULL,
  at             INTEGER NOT NULL,      -- by the venue's clock
  path_dependent INTEGER NOT NULL,      -- the outcome hung on the path assumed inside a bar
  realised       TEXT NOT NULL,         -- fee not included
  position       TEXT NOT NULL,         -- after the fill, signed
  booked_wall    INTEGER NOT NULL,
  UNIQUE (symbol, trade_id)
) STRICT;
CREATE INDEX fill_order ON fill_rows (client_id);

-- Open positions with the plan that protects them. The row goes when the position closes.
CREATE TABLE position_rows (
  symbol              TEXT PRIMARY KEY NOT NULL,
  qty                 TEXT NOT NULL,    -- signed: a short is negative
  cost                TEXT NOT NULL,    -- of the open part: the sum of price times quantity
  entry_price         TEXT NOT NULL,
  opened_at           INTEGER NOT NULL,
  strategy            TEXT NOT NULL,
  entry_id            TEXT NOT NULL,    -- client id of the order that opened it
  stop                TEXT,
  take_profit         TEXT,
  trailing_activation TEXT,             -- the three of a trailing stop are given together
  trailing_distance   TEXT,
  trailing_min_move   TEXT,
  best_price          TEXT NOT NULL,    -- since the entry, in the position's favour
  max_qty             TEXT NOT NULL,
  realised            TEXT NOT NULL,
  fees                TEXT NOT NULL,
  funding             TEXT NOT NULL,
  updated_wall        INTEGER NOT NULL
) STRICT;

-- Completed round trips, from flat to flat.
CREATE TABLE trade_rows (
  id             INTEGER PRIMARY KEY,
  session        INTEGER NOT NULL REFERENCES session_rows (id),
  seq            INTEGER NOT NULL,
  symbol         TEXT NOT NULL,
  side           TEXT NOT NULL,         -- buy for a long
  strategy       TEXT NOT NULL,
  entry_id       TEXT NOT NULL,
  qty            TEXT NOT NULL,         -- the largest it had
  entry_price    TEXT NOT NULL,         -- average
  exit_price     TEXT NOT NULL,         -- average
  opened_at      INTEGER NOT NULL,
  closed_at      INTEGER NOT NULL,
  realised       TEXT NOT NULL,
  fees           TEXT NOT NULL,
  funding        TEXT NOT NULL,         -- received is positive, paid is negative
  net            TEXT NOT NULL,         -- realised − fees + funding
  exit           TEXT NOT NULL,         -- stop_loss, take_profit, trailing_stop, time, signal, manual, liquidation
  path_dependent INTEGER NOT NULL
) STRICT;
CREATE INDEX trade_closed ON trade_rows (closed_at);

-- Funding on positions. A payment counts once per symbol and number.
CREATE TABLE funding_rows (
  id         INTEGER PRIMARY KEY,
  session    INTEGER NOT NULL REFERENCES session_rows (id),
  seq        INTEGER NOT NULL,
  symbol     TEXT NOT NULL,
  funding_id ANY NOT NULL,
  rate       TEXT NOT NULL,             -- positive: longs pay shorts
  amount     TEXT NOT NULL,             -- received is positive, paid is negative
  at         INTEGER NOT NULL,
  UNIQUE (symbol, funding_id)
) STRICT;

-- Money moved into (positive) or out of the account.
CREATE TABLE transfer_rows (
  id          INTEGER PRIMARY KEY,
  session     INTEGER NOT NULL REFERENCES session_rows (id),
  seq         INTEGER NOT NULL,
  transfer_id ANY NOT NULL UNIQUE,
  amount      TEXT NOT NULL,
  at          INTEGER NOT NULL
) STRICT;

-- Changes of the books that make them agree with the venue where no fill explains the difference.
CREATE TABLE adjustment_rows (
  id            INTEGER PRIMARY KEY,
  session       INTEGER NOT NULL REFERENCES session_rows (id),
  seq           INTEGER NOT NULL,
  adjustment_id TEXT NOT NULL UNIQUE,
  symbol        TEXT,                   -- none: the balance alone
  qty           TEXT NOT NULL,
  cash          TEXT NOT NULL,
  reason        TEXT NOT NULL,
  at            INTEGER NOT NULL,
  acknowledged  INTEGER NOT NULL        -- 1 once a person re-armed
) STRICT;

-- Equity at the end of each iteration.
CREATE TABLE equity_rows (
  id         INTEGER PRIMARY KEY,
  session    INTEGER NOT NULL REFERENCES session_rows (id),
  at         INTEGER NOT NULL,
  cash       TEXT NOT NULL,
  unrealised TEXT NOT NULL,
  equity     TEXT NOT NULL,             -- cash + unrealised
  peak       TEXT NOT NULL,
  drawdown   TEXT NOT NULL              -- ratio of the peak
) STRICT;
CREATE INDEX equity_at ON equity_rows (at);

-- What strategies asked for, and what came of it.
CREATE TABLE signal_rows (
  id          INTEGER PRIMARY KEY,
  session     INTEGER NOT NULL REFERENCES session_rows (id),
  seq         INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  symbol      TEXT NOT NULL,
  strategy    TEXT NOT NULL,
  side        TEXT NOT NULL,
  entry       TEXT NOT NULL,
  stop        TEXT NOT NULL,
  take_profit TEXT,
  reason      TEXT NOT NULL,
  rejected    TEXT                      -- none: it became an order
) STRICT;

-- Changes of the trading state. The last row holds over restarts.
CREATE TABLE state_rows (
  id           INTEGER PRIMARY KEY,
  session      INTEGER NOT NULL REFERENCES session_rows (id),
  seq          INTEGER NOT NULL,
  at           INTEGER NOT NULL,
  state        TEXT NOT NULL,           -- active, paused, reduce_only, halted
  reason       TEXT NOT NULL,
  changed_wall INTEGER NOT NULL
) STRICT;

-- The one row of what risk remembers over restarts, as JSON.
CREATE TABLE risk_memory_rows (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  memory TEXT NOT NULL
) STRICT;

-- What people asked of the daemon.
CREATE TABLE command_rows (
  id         INTEGER PRIMARY KEY,
  session    INTEGER NOT NULL REFERENCES session_rows (id),
  at         INTEGER NOT NULL,
  source     TEXT NOT NULL,             -- signal, socket, telegram, rearm, ...
  command    TEXT NOT NULL,
  asked_wall INTEGER NOT NULL
) STRICT;

-- Views for people. Instants are cut to milliseconds.

CREATE VIEW sessions AS SELECT id, epoch,
  strftime('%Y-%m-%dT%H:%M:%fZ', started_wall / 1000000 / 1000.0, 'unixepoch') AS started_wall,
  strftime('%Y-%m-%dT%H:%M:%fZ', ended_wall / 1000000 / 1000.0, 'unixepoch') AS ended_wall,
  strftime('%Y-%m-%dT%H:%M:%fZ', ended_at / 1000000 / 1000.0, 'unixepoch') AS ended_at,
  exit, version, config_hash, seed
FROM session_rows;

-- The wallet: where it began, what moved it, what it is, and when the last fact was written.
CREATE VIEW account AS SELECT opening, moved, cash,
  strftime('%Y-%m-%dT%H:%M:%fZ', last_at / 1000000 / 1000.0, 'unixepoch') AS last_at
FROM account_rows;

-- Every order ever decided, with where it stands; the latest last.
CREATE VIEW orders AS SELECT o.client_id, i.session, i.symbol, i.side, i.leg, i.kind, i.qty, i.price, i.tif,
  i.trigger_price, i.trigger_by, i.reduce_only, o.stage, o.filled, o.filled_notional, o.cancel_pending,
  strftime('%Y-%m-%dT%H:%M:%fZ', o.unknown_since / 1000000 / 1000.0, 'unixepoch') AS unknown_since,
  o.venue_order_id, o.reject_code, o.reject_reason, i.strategy, i.reason, i.reference_price, i.adopted,
  strftime('%Y-%m-%dT%H:%M:%fZ', i.decided_at / 1000000 / 1000.0, 'unixepoch') AS decided_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', o.updated_at / 1000000 / 1000.0, 'unixepoch') AS updated_at
FROM order_rows o JOIN intent_rows i USING (client_id) ORDER BY i.id;

CREATE VIEW fills AS SELECT id, session, symbol, trade_id, client_id, side, price, qty, fee, maker,
  strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000 / 1000.0, 'unixepoch') AS at, realised, position, path_dependent
FROM fill_rows;

-- Open positions; `qty` is signed, `side` is long or short.
CREATE VIEW positions AS SELECT symbol, CASE WHEN qty LIKE '-%' THEN 'short' ELSE 'long' END AS side, qty,
  entry_price, stop, take_profit, trailing_activation, trailing_distance, best_price,
  strftime('%Y-%m-%dT%H:%M:%fZ', opened_at / 1000000 / 1000.0, 'unixepoch') AS opened_at,
  strategy, entry_id, realised, fees, funding
FROM position_rows;

-- Round trips; `side` is long or short.
CREATE VIEW trades AS SELECT id, session, symbol, CASE side WHEN 'buy' THEN 'long' ELSE 'short' END AS side,
  strategy, qty, entry_price, exit_price,
  strftime('%Y-%m-%dT%H:%M:%fZ', opened_at / 1000000 / 1000.0, 'unixepoch') AS opened_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', closed_at / 1000000 / 1000.0, 'unixepoch') AS closed_at,
  realised, fees, funding, net, exit, path_dependent, entry_id
FROM trade_rows;

CREATE VIEW funding AS SELECT id, session, symbol, funding_id, rate, amount,
  strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000 / 1000.0, 'unixepoch') AS at
FROM funding_rows;

CREATE VIEW transfers AS SELECT id, session, transfer_id, amount,
  strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000 / 1000.0, 'unixepoch') AS at
FROM transfer_rows;

CREATE VIEW adjustments AS SELECT adjustment_id, session, symbol, qty, cash, reason,
  strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000 / 1000.0, 'unixepoch') AS at, acknowledged
FROM adjustment_rows;

CREATE VIEW equity AS SELECT session,
  strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000 / 1000.0, 'unixepoch') AS at,
  cash, unrealised, equity, peak, drawdown
FROM equity_rows;

CREATE VIEW signals AS SELECT session,
  strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000 / 1000.0, 'unixepoch') AS at,
  symbol, strategy, side, entry, stop, take_profit, reason, rejected
FROM signal_rows;

CREATE VIEW states AS SELECT session,
  strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000 / 1000.0, 'unixepoch') AS at,
  strftime('%Y-%m-%dT%H:%M:%fZ', changed_wall / 1000000 / 1000.0, 'unixepoch') AS changed_wall, state, reason
FROM state_rows;

CREATE VIEW commands AS SELECT session,
  strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000 / 1000.0, 'unixepoch') AS at,
  strftime('%Y-%m-%dT%H:%M:%fZ', asked_wall / 1000000 / 1000.0, 'unixepoch') AS asked_wall, source, command
FROM command_rows;
