-- Orders of real money beside paper: what became of each at the venue, and what became of it at the simulated exchange, which was
-- given the same order in the same market. One row an order that was filled in at least one of the two places, written when
-- it is over. Costs are what the venue took more than paper; what is negative went better than on paper.
CREATE TABLE shadow_rows (
  client_id   TEXT PRIMARY KEY NOT NULL,
  session     INTEGER NOT NULL,
  sent_at     INTEGER NOT NULL,         -- since when both places had it
  live_end    TEXT,                     -- how it ended, as in order_rows
  live_qty    TEXT NOT NULL,
  live_price  TEXT,                     -- average; none without fills
  live_fee    TEXT NOT NULL,
  live_at     INTEGER,                  -- of the last fill, by session time
  paper_end   TEXT,                     -- none: it was not waited for any longer
  paper_qty   TEXT NOT NULL,
  paper_price TEXT,
  paper_fee   TEXT NOT NULL,
  paper_at    INTEGER,
  price_cost  TEXT,                     -- in USDT, for the quantity that the venue filled; the last three are none unless both filled
  fee_cost    TEXT,                     -- the same of the fees
  delay       INTEGER                   -- nanoseconds that the venue filled later
) STRICT;

CREATE VIEW shadows AS SELECT s.client_id, s.session, i.symbol, i.side, i.leg, i.kind,
  strftime('%Y-%m-%dT%H:%M:%fZ', s.sent_at / 1000000 / 1000.0, 'unixepoch') AS sent_at,
  s.live_end, s.live_qty, s.live_price, s.live_fee,
  strftime('%Y-%m-%dT%H:%M:%fZ', s.live_at / 1000000 / 1000.0, 'unixepoch') AS live_at,
  s.paper_end, s.paper_qty, s.paper_price, s.paper_fee,
  strftime('%Y-%m-%dT%H:%M:%fZ', s.paper_at / 1000000 / 1000.0, 'unixepoch') AS paper_at,
  s.price_cost, s.fee_cost, s.delay / 1000 / 1000.0 AS delay_ms
FROM shadow_rows s LEFT JOIN intent_rows i USING (client_id) ORDER BY s.sent_at;
