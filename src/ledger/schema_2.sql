-- Symbols that take no entries because something happened on them that must not; a row goes when a person re-arms.
CREATE TABLE halt_rows (
  symbol  TEXT PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES session_rows (id),
  seq     INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  reason  TEXT NOT NULL
) STRICT;

CREATE VIEW halts AS SELECT symbol, session,
  strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000 / 1000.0, 'unixepoch') AS at, reason
FROM halt_rows;
