-- Messages to people, kept until they are delivered. Instants are wall-clock nanoseconds since 1970-01-01 UTC.
CREATE TABLE messages (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  kind      TEXT NOT NULL,
  key       TEXT NOT NULL,
  text      TEXT NOT NULL,
  queued    INTEGER NOT NULL,
  attempts  INTEGER NOT NULL,
  not_before INTEGER NOT NULL,           -- the next attempt waits until then
  last_error TEXT,
  delivered INTEGER                     -- none: still to be delivered
) STRICT;
CREATE INDEX pending ON messages (id) WHERE delivered IS NULL;
CREATE INDEX known ON messages (kind, key);

-- Counts since the file was made: `delivered`, `failed` attempts, `dropped` messages.
CREATE TABLE counts (
  name  TEXT PRIMARY KEY NOT NULL,
  value INTEGER NOT NULL
) STRICT;
INSERT INTO counts VALUES ('delivered', 0), ('failed', 0), ('dropped', 0);
