//! The index of open claims: which duplicate keys were taken within their window.
//!
//! Claims are appended to their table in sequence, since a B-tree keyed by the random key would cost several times
//! everything else on the accept path and get worse as it grows. This index over the open window lives in memory
//! and is rebuilt from the table at start. It holds 32 bits of the key and the row's place, nine bytes a claim; a hit
//! is checked against the row, so the answer is exact.

use hashbrown::HashTable;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use tandem_core::claim::ClaimKey;

use crate::LaneId;

#[derive(Debug, Clone, Copy)]
struct Entry {
    fingerprint: u32,
    /// Row's `seq` minus [`ClaimIndex::base`].
    place: u32,
}

fn spread(fingerprint: u32) -> u64 {
    // hashbrown takes buckets from the low bits and its tag from the top seven: multiply so that both are used.
    u64::from(fingerprint).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn fingerprint(key: &ClaimKey) -> u32 {
    let [a, b, c, d, ..] = key.0;
    u32::from_le_bytes([a, b, c, d])
}

/// A claim that an event asks for.
pub(super) struct Claim {
    pub(super) key: ClaimKey,
    pub(super) lane: LaneId,
    pub(super) event_seq: i64,
    pub(super) until_ms: i64,
}

/// A claim that holds.
pub(super) struct Held {
    pub(super) event_seq: i64,
}

#[derive(Debug, Default)]
pub(super) struct ClaimIndex {
    entries: HashTable<Entry>,
    base: i64,
    next_seq: i64,
    /// Entries made since [`ClaimIndex::begin`], to be taken back when the transaction fails.
    fresh: Vec<Entry>,
}

impl ClaimIndex {
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let (first, last): (Option<i64>, Option<i64>) =
            conn.query_row("SELECT min(seq), max(seq) FROM claims", [], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let base = first.unwrap_or(1);
        let count = usize::try_from(last.map_or(0, |l| l - base + 1)).unwrap_or(0);
        let mut index = Self {
            entries: HashTable::with_capacity(count),
            base,
            next_seq: last.unwrap_or(0) + 1,
            fresh: vec![],
        };
        let mut rows = conn.prepare("SELECT seq, key FROM claims ORDER BY seq")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            if let Some(key) = key_of(row.get_ref(1)?.as_blob().unwrap_or_default()) {
                index.insert(&key, seq);
            }
        }
        index.fresh.clear();
        Ok(index)
    }

    fn insert(&mut self, key: &ClaimKey, seq: i64) {
        // Four thousand million claims inside one window would be needed to leave the range.
        let Ok(place) = u32::try_from(seq - self.base) else { return };
        let entry = Entry { fingerprint: fingerprint(key), place };
        self.entries.insert_unique(spread(entry.fingerprint), entry, |e| spread(e.fingerprint));
        self.fresh.push(entry);
    }

    fn remove(&mut self, entry: Entry) {
        let found = self.entries.find_entry(spread(entry.fingerprint), |e| e.place == entry.place);
        if let Ok(found) = found {
            found.remove();
        }
    }

    pub(super) fn begin(&mut self) {
        self.fresh.clear();
    }

    /// Takes back what was claimed since [`ClaimIndex::begin`].
    pub(super) fn roll_back(&mut self) {
        for entry in std::mem::take(&mut self.fresh) {
            self.remove(entry);
            self.next_seq = self.next_seq.min(self.base + i64::from(entry.place));
        }
    }

    /// Takes the claim, or says who holds it.
    pub(super) fn take(
        &mut self,
        conn: &Connection,
        insert: &mut CachedStatement<'_>,
        claim: &Claim,
        now_ms: i64,
    ) -> rusqlite::Result<Option<Held>> {
        let wanted = fingerprint(&claim.key);
        for entry in self.entries.iter_hash(spread(wanted)).filter(|e| e.fingerprint == wanted) {
            if let Some(held) = self.check(conn, entry.place, claim, now_ms)? {
                return Ok(Some(held));
            }
        }
        insert.execute(params![self.next_seq, claim.until_ms, claim.key.0.as_slice(), claim.event_seq])?;
        self.insert(&claim.key, self.next_seq);
        self.next_seq += 1;
        Ok(None)
    }

    fn check(
        &self,
        conn: &Connection,
        place: u32,
        wanted: &Claim,
        now_ms: i64,
    ) -> rusqlite::Result<Option<Held>> {
        let mut select = conn.prepare_cached("SELECT key, until_ms, event_seq FROM claims WHERE seq = ?1")?;
        let row: Option<(Vec<u8>, i64, i64)> = select
            .query_row([self.base + i64::from(place)], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .optional()?;
        match row {
            Some((key, until, event_seq)) if key == wanted.key.0.as_slice() && until > now_ms => {
                Ok((!came_to_nothing(conn, event_seq, wanted.lane)?).then_some(Held { event_seq }))
            }
            _ => Ok(None),
        }
    }

    /// Drops up to `limit` of the oldest claims whose window has closed; how many went.
    pub(super) fn prune(&mut self, conn: &Connection, now_ms: i64, limit: u32) -> rusqlite::Result<usize> {
        let mut select =
            conn.prepare_cached("SELECT seq, until_ms, key FROM claims ORDER BY seq LIMIT ?1")?;
        let rows = select
            .query_map([limit], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, r.get::<_, Vec<u8>>(2)?)))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let closed: Vec<_> = rows.into_iter().take_while(|(_, until, _)| *until <= now_ms).collect();
        let Some((last, ..)) = closed.last() else { return Ok(0) };
        conn.prepare_cached("DELETE FROM claims WHERE seq <= ?1")?.execute([last])?;
        for (seq, _, key) in &closed {
            if let (Some(key), Ok(place)) = (key_of(key), u32::try_from(seq - self.base)) {
                self.remove(Entry { fingerprint: fingerprint(&key), place });
            }
        }
        Ok(closed.len())
    }
}

/// Whether the lane skipped the holder's every delivery for want of consent, or by the shop's own rule. Nothing was sent under such a claim, so the
/// next event may have it.
fn came_to_nothing(conn: &Connection, event_seq: i64, lane: LaneId) -> rusqlite::Result<bool> {
    let nothing: Option<bool> = conn
        .prepare_cached(
            "SELECT min(state = 2 AND code IN ('consent_unknown', 'consent_denied', 'rule')) FROM deliveries
             WHERE event_seq = ?1 AND lane = ?2",
        )?
        .query_row(params![event_seq, lane.0], |r| r.get(0))?;
    Ok(nothing == Some(true))
}

fn key_of(bytes: &[u8]) -> Option<ClaimKey> {
    bytes.try_into().ok().map(ClaimKey)
}
