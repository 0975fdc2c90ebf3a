-- The public schema of a Tandem file, documented in docs/schema.md. Times ending in _ms are Unix milliseconds, UTC.

CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- The log: every event that came in, once, in the order it came.
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY,
  received_ms INTEGER NOT NULL,
  site TEXT NOT NULL,
  source TEXT NOT NULL,
  event_name TEXT NOT NULL,
  event_id TEXT NOT NULL,
  event_time INTEGER NOT NULL,
  order_id TEXT,
  body TEXT NOT NULL
);

-- Full network addresses, kept apart from the log and only as long as an event can be sent.
CREATE TABLE IF NOT EXISTS addresses (event_seq INTEGER PRIMARY KEY, ip TEXT NOT NULL);

-- One destination of one site. paused_by: set while a person keeps it from sending; nothing but a person lifts that.
CREATE TABLE IF NOT EXISTS lanes (
  id INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  destination TEXT NOT NULL,
  stopped_why TEXT,
  stopped_since_ms INTEGER,
  paused_by TEXT,
  paused_since_ms INTEGER,
  UNIQUE (site, destination)
);

-- One event for one destination. state: 0 waiting, 1 delivered, 2 skipped, 3 rejected, 4 expired. consent: the ruling under
-- which it stands, e.g. send:cookiebot, suppress:gpc, anonymise+limited:most_restrictive.
CREATE TABLE IF NOT EXISTS deliveries (
  seq INTEGER PRIMARY KEY,
  event_seq INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  state INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  first_attempt_ms INTEGER,
  attempt INTEGER,
  replay INTEGER NOT NULL DEFAULT 0,
  code TEXT,
  message TEXT,
  consent TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (lane, due_ms) WHERE state = 0;
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event_seq);

-- The newest of a kind of trouble: rows of one kind come in sequence, so keeping this costs the writer next to nothing.
CREATE INDEX IF NOT EXISTS deliveries_problem ON deliveries (state, lane, code) WHERE state >= 2;

-- Deliveries that came to a state in an hour, counted in the transaction that brought them there. hour: hours since 1970.
CREATE TABLE IF NOT EXISTS delivery_counts (
  hour INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  state INTEGER NOT NULL,
  code TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (hour, lane, state, code)
) WITHOUT ROWID;

-- What an event's body was before its session, or a second report, completed it.
CREATE TABLE IF NOT EXISTS revisions (
  seq INTEGER PRIMARY KEY,
  event_seq INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS revisions_event ON revisions (event_seq);

-- Outgoing calls. deliveries: JSON array of [first, last] ranges of deliveries.seq.
CREATE TABLE IF NOT EXISTS attempts (
  seq INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  latency_ms INTEGER NOT NULL,
  status INTEGER,
  code INTEGER,
  verdict TEXT NOT NULL,
  message TEXT NOT NULL,
  events INTEGER NOT NULL,
  request_bytes INTEGER NOT NULL,
  reply TEXT,
  deliveries TEXT NOT NULL
);

-- Duplicate claims, appended in sequence; the index over the open window is kept in memory.
CREATE TABLE IF NOT EXISTS claims (
  seq INTEGER PRIMARY KEY,
  until_ms INTEGER NOT NULL,
  key BLOB NOT NULL,
  event_seq INTEGER NOT NULL
);

-- What was reported of each order. state: JSON of reported, currency, event_ids, bumps, lines, events; empty for an order of
-- which nothing was reported yet. consent: JSON of what the buyer first chose.
CREATE TABLE IF NOT EXISTS orders (
  site TEXT NOT NULL,
  order_id TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  state TEXT NOT NULL,
  consent TEXT,
  PRIMARY KEY (site, order_id)
) WITHOUT ROWID;

-- What is remembered of a visitor. day: days since 1970 of the last visit; ip: the full network address, with the day it
-- was seen on. Indexed columns change at most once a day for a visitor. A row is too wide to be kept in a key's tree.
CREATE TABLE IF NOT EXISTS sessions (
  seq INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  visitor TEXT NOT NULL,
  day INTEGER NOT NULL,
  ip TEXT,
  ip_day INTEGER,
  state TEXT NOT NULL,
  UNIQUE (site, visitor)
);
CREATE INDEX IF NOT EXISTS sessions_day ON sessions (day);
CREATE INDEX IF NOT EXISTS sessions_ip_day ON sessions (ip_day) WHERE ip_day IS NOT NULL;

-- What leads to a visitor. kind: order (key: the order id), email (key: SHA-256 of the address). The keys come at random,
-- so only one tree is sorted by them.
CREATE TABLE IF NOT EXISTS session_links (
  seq INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  visitor TEXT NOT NULL,
  day INTEGER NOT NULL,
  UNIQUE (site, kind, key)
);
CREATE INDEX IF NOT EXISTS session_links_day ON session_links (day);

-- What came in and did not plainly become an event. kind: rejected, ignored, duplicate, near_miss.
CREATE TABLE IF NOT EXISTS notices (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  site TEXT NOT NULL,
  source TEXT NOT NULL,
  kind TEXT NOT NULL,
  code TEXT NOT NULL,
  message TEXT NOT NULL,
  field TEXT,
  event_name TEXT,
  event_id TEXT,
  order_id TEXT
);

-- Numbers that people see on orders, where they are not the orders' ids; at_ms: when it was first told.
CREATE TABLE IF NOT EXISTS order_numbers (
  site TEXT NOT NULL,
  number TEXT NOT NULL,
  order_id TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (site, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS order_numbers_order ON order_numbers (site, order_id);

-- The shop's own list of orders, as it was imported. total: decimal text. by_number: order_id is what the list has as the
-- order's number.
CREATE TABLE IF NOT EXISTS shop_orders (
  site TEXT NOT NULL,
  order_id TEXT NOT NULL,
  by_number INTEGER NOT NULL DEFAULT 0,
  at_ms INTEGER NOT NULL,
  total TEXT,
  currency TEXT,
  status TEXT NOT NULL,
  imported_ms INTEGER NOT NULL,
  PRIMARY KEY (site, order_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shop_orders_at ON shop_orders (site, at_ms);

-- What a platform says it counted on a day (days since 1970). browser, server, attributed: those of the events, where it
-- tells. attributed_only: events has only what is credited to an ad. origin: csv or api.
CREATE TABLE IF NOT EXISTS platform_counts (
  site TEXT NOT NULL,
  destination TEXT NOT NULL,
  day INTEGER NOT NULL,
  event_name TEXT NOT NULL,
  events INTEGER NOT NULL,
  browser INTEGER,
  server INTEGER,
  attributed INTEGER,
  attributed_only INTEGER NOT NULL DEFAULT 0,
  value TEXT,
  currency TEXT,
  origin TEXT NOT NULL,
  imported_ms INTEGER NOT NULL,
  PRIMARY KEY (site, destination, day, event_name)
) WITHOUT ROWID;

-- Small documents of people's and of the program's own, JSON by kind and name: saved searches, states of alerts.
CREATE TABLE IF NOT EXISTS kept (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  body TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) WITHOUT ROWID;

DROP VIEW IF EXISTS v_events;
CREATE VIEW v_events AS
SELECT e.seq, strftime('%Y-%m-%dT%H:%M:%fZ', e.received_ms / 1000.0, 'unixepoch') AS received_at,
  e.site, e.source, e.event_name, e.event_id,
  strftime('%Y-%m-%dT%H:%M:%SZ', e.event_time, 'unixepoch') AS happened_at,
  e.order_id, json_extract(e.body, '$.value') AS value, json_extract(e.body, '$.currency') AS currency,
  json_extract(e.body, '$.channel') AS channel,
  json_extract(e.body, '$.consent.advertising') AS consent,
  (SELECT group_concat(json_extract(f.value, '$.code'), ' ') FROM json_each(e.body, '$.findings') AS f) AS findings,
  e.body
FROM events AS e;

DROP VIEW IF EXISTS v_deliveries;
CREATE VIEW v_deliveries AS
SELECT d.seq, d.event_seq, l.site, l.destination,
  CASE d.state WHEN 0 THEN 'waiting' WHEN 1 THEN 'delivered' WHEN 2 THEN 'skipped' WHEN 3 THEN 'rejected' ELSE 'expired' END
    AS state,
  CASE d.state WHEN 0 THEN strftime('%Y-%m-%dT%H:%M:%fZ', d.due_ms / 1000.0, 'unixepoch') END AS due_at,
  d.attempts, d.attempt AS last_attempt, d.replay, d.code, d.message, d.consent,
  e.event_name, e.event_id, e.order_id
FROM deliveries AS d JOIN lanes AS l ON l.id = d.lane LEFT JOIN events AS e ON e.seq = d.event_seq;

DROP VIEW IF EXISTS v_attempts;
CREATE VIEW v_attempts AS
SELECT a.seq, strftime('%Y-%m-%dT%H:%M:%fZ', a.started_ms / 1000.0, 'unixepoch') AS started_at,
  l.site, l.destination, a.latency_ms, a.status, a.code, a.verdict, a.message, a.events, a.request_bytes, a.reply,
  a.deliveries
FROM attempts AS a JOIN lanes AS l ON l.id = a.lane;

DROP VIEW IF EXISTS v_notices;
CREATE VIEW v_notices AS
SELECT n.seq, strftime('%Y-%m-%dT%H:%M:%fZ', n.at_ms / 1000.0, 'unixepoch') AS at,
  n.site, n.source, n.kind, n.code, n.message, n.field, n.event_name, n.event_id, n.order_id
FROM notices AS n;

DROP VIEW IF EXISTS v_sessions;
CREATE VIEW v_sessions AS
SELECT s.seq, s.site, s.visitor,
  strftime('%Y-%m-%dT%H:%M:%fZ', json_extract(s.state, '$.first_ms') / 1000.0, 'unixepoch') AS first_seen,
  strftime('%Y-%m-%dT%H:%M:%fZ', json_extract(s.state, '$.last_ms') / 1000.0, 'unixepoch') AS last_seen,
  coalesce(json_extract(s.state, '$.clicks.ttclid.last.value'), json_extract(s.state, '$.clicks.ttclid.first.value'))
    AS ttclid,
  json_extract(s.state, '$.landing') AS landing
FROM sessions AS s;
