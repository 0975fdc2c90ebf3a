-- What pages and alerts read: worked out from the log, documented in docs/schema.md. day: days since 1970, hour: hours since
-- 1970, both UTC and of the time of arrival.

CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- Where events are that name something. key: the first eight bytes, big-endian, of SHA-256 over a kind (id, act, order, visitor,
-- email, external, near, name, finding), a zero byte and the text. segment: seq >> 16, so that the tree grows at one end; of act,
-- order and near, which few events have, -1 - (seq >> 20).
CREATE TABLE IF NOT EXISTS lookup (
  segment INTEGER NOT NULL,
  key INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (segment, key, seq)
) WITHOUT ROWID;

-- channel: as in events, or half for a page's word on a sale that the shop's server reports, which is sent nowhere.
CREATE TABLE IF NOT EXISTS arrivals (
  hour INTEGER NOT NULL,
  site TEXT NOT NULL,
  event_name TEXT NOT NULL,
  source TEXT NOT NULL,
  channel TEXT NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (hour, site, event_name, source, channel)
) WITHOUT ROWID;

-- Events by which match keys they had. keys: bits of tandem_core::quality::Keys.
CREATE TABLE IF NOT EXISTS coverage (
  day INTEGER NOT NULL,
  site TEXT NOT NULL,
  event_name TEXT NOT NULL,
  channel TEXT NOT NULL,
  source TEXT NOT NULL,
  device TEXT NOT NULL,
  keys INTEGER NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (day, site, event_name, channel, source, device, keys)
) WITHOUT ROWID;

-- Money of sales, each id once. value: decimal text.
CREATE TABLE IF NOT EXISTS revenue (
  day INTEGER NOT NULL,
  site TEXT NOT NULL,
  event_name TEXT NOT NULL,
  currency TEXT NOT NULL,
  events INTEGER NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (day, site, event_name, currency)
) WITHOUT ROWID;

-- What visitors said. law: opt_in, opt_out or unknown; advertising: granted, denied or unknown; signal: what told, or ''.
CREATE TABLE IF NOT EXISTS consent (
  day INTEGER NOT NULL,
  site TEXT NOT NULL,
  law TEXT NOT NULL,
  advertising TEXT NOT NULL,
  signal TEXT NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (day, site, law, advertising, signal)
) WITHOUT ROWID;

-- Findings, of single events and of several together.
CREATE TABLE IF NOT EXISTS findings (
  day INTEGER NOT NULL,
  site TEXT NOT NULL,
  code TEXT NOT NULL,
  severity TEXT NOT NULL,
  event_name TEXT NOT NULL,
  source TEXT NOT NULL,
  events INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  PRIMARY KEY (day, site, code, severity, event_name, source)
) WITHOUT ROWID;

-- What only several events together show: event_seq is the later one, other_seq the one it was compared with.
CREATE TABLE IF NOT EXISTS observations (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  site TEXT NOT NULL,
  code TEXT NOT NULL,
  severity TEXT NOT NULL,
  event_seq INTEGER NOT NULL,
  other_seq INTEGER,
  event_name TEXT NOT NULL,
  order_id TEXT,
  field TEXT,
  message TEXT NOT NULL,
  value TEXT,
  currency TEXT
);
CREATE INDEX IF NOT EXISTS observations_event ON observations (event_seq);
CREATE INDEX IF NOT EXISTS observations_other ON observations (other_seq);
CREATE INDEX IF NOT EXISTS observations_code ON observations (code, site, seq);
CREATE INDEX IF NOT EXISTS observations_newest ON observations (code, seq);

-- The two halves of the hybrid. Events of one name under one id are one, on the day of the first. halves: both, browser,
-- server, or unknown when no page told what became of its pixel.
CREATE TABLE IF NOT EXISTS pairs (
  day INTEGER NOT NULL,
  site TEXT NOT NULL,
  event_name TEXT NOT NULL,
  halves TEXT NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (day, site, event_name, halves)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS notices_by_day (
  day INTEGER NOT NULL,
  site TEXT NOT NULL,
  source TEXT NOT NULL,
  kind TEXT NOT NULL,
  code TEXT NOT NULL,
  notices INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  PRIMARY KEY (day, site, source, kind, code)
) WITHOUT ROWID;

-- Calls to platforms. code: the platform's own, or -1 where it gave none; late_events: sent more than five minutes after they
-- happened, so that no platform merges them with their browser half.
CREATE TABLE IF NOT EXISTS calls (
  hour INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  code INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  events INTEGER NOT NULL,
  latency_ms_sum INTEGER NOT NULL,
  latency_ms_max INTEGER NOT NULL,
  late_events INTEGER NOT NULL,
  PRIMARY KEY (hour, lane, verdict, code)
) WITHOUT ROWID;

-- Orders that were heard of, paid or not. last_notice: the newest notice about it; at_ms: of the first of them. value: its
-- sales together, each id once, in the currency of the first.
CREATE TABLE IF NOT EXISTS orders (
  id INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  order_id TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  first_event INTEGER,
  last_event INTEGER,
  last_notice INTEGER,
  events INTEGER NOT NULL DEFAULT 0,
  value TEXT,
  currency TEXT,
  UNIQUE (site, order_id)
);
CREATE INDEX IF NOT EXISTS orders_at ON orders (site, at_ms);
