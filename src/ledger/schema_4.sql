-- Fees that were paid in another asset than USDT, such as BNB. They did not touch the USDT wallet: the fee in `fill_rows` is 0 then, and
-- no other figure holds them. One row a trade.
CREATE TABLE fee_in_kind_rows (
  id        INTEGER PRIMARY KEY,
  session   INTEGER NOT NULL REFERENCES session_rows (id),
  seq       INTEGER NOT NULL,
  symbol    TEXT NOT NULL,
  trade_id  ANY NOT NULL,
  client_id TEXT NOT NULL,
  asset     TEXT NOT NULL,
  amount    TEXT NOT NULL,              -- of the asset; negative: a rebate
  at        INTEGER NOT NULL,           -- by the venue's clock
  UNIQUE (symbol, trade_id)
) STRICT;

CREATE VIEW fees_in_kind AS SELECT session, symbol, trade_id, client_id, asset, amount,
  strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000 / 1000.0, 'unixepoch') AS at
FROM fee_in_kind_rows ORDER BY id;
