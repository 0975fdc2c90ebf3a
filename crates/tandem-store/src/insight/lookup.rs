//! Where events are that name something: found by the first bytes of a hash, newest first.

use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use tandem_core::quality::relate::Link;

/// What can be looked up. The names go into the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Event id.
    Id,
    /// The same of what is not a view: found in few steps, since few events have it.
    Act,
    /// Order id.
    Order,
    /// Our visitor id.
    Visitor,
    /// SHA-256 of an e-mail address.
    Email,
    /// SHA-256 of an id of the shop's.
    External,
    /// Event id as [`tandem_core::quality::ids::folded`] leaves it.
    Near,
    /// Event name; not of page views and product views, which are most of what there is.
    Name,
    /// Code of a finding.
    Finding,
}

/// Events in a segment: a chunk's keys are spread over one segment, so its size bounds what a chunk rewrites.
const SEGMENT_BITS: u32 = 16;

/// The same of kinds that few events have, and that are asked for often.
const RARE_SEGMENT_BITS: u32 = 20;

impl From<Link> for Kind {
    fn from(link: Link) -> Self {
        match link {
            Link::Id => Self::Id,
            Link::Near => Self::Near,
            Link::Order => Self::Order,
            Link::Visitor => Self::Visitor,
            Link::Email => Self::Email,
            Link::External => Self::External,
            Link::Name => Self::Name,
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Act => "act",
            Self::Order => "order",
            Self::Visitor => "visitor",
            Self::Email => "email",
            Self::External => "external",
            Self::Near => "near",
            Self::Name => "name",
            Self::Finding => "finding",
        }
    }

    /// The key of a text: the first eight bytes of SHA-256 over kind, a zero byte, and the text.
    pub(crate) fn key(self, text: &str) -> i64 {
        let hash = Sha256::new().chain_update(self.name()).chain_update([0]).chain_update(text).finalize();
        let mut first = [0; 8];
        first.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        i64::from_be_bytes(first)
    }

    fn is_rare(self) -> bool {
        matches!(self, Self::Act | Self::Order | Self::Near)
    }

    /// Where the key of an event lies: rare kinds have segments of their own, below zero.
    fn segment(self, seq: i64) -> i64 {
        if self.is_rare() { -1 - (seq >> RARE_SEGMENT_BITS) } else { seq >> SEGMENT_BITS }
    }

    /// Segments that may hold events from `newest` down to `oldest`, newest first.
    fn segments(self, newest: i64, oldest: i64) -> impl Iterator<Item = i64> {
        let bits = if self.is_rare() { RARE_SEGMENT_BITS } else { SEGMENT_BITS };
        let rare = self.is_rare();
        ((oldest >> bits)..=(newest >> bits)).rev().map(move |n| if rare { -1 - n } else { n })
    }
}

/// Keys of a pass, to be written in the order of the tree.
#[derive(Debug, Default)]
pub(super) struct Fresh(Vec<(i64, i64, i64)>);

impl Fresh {
    pub(super) fn note(&mut self, kind: Kind, text: &str, seq: i64) {
        self.0.push((kind.segment(seq), kind.key(text), seq));
    }

    pub(super) fn write(mut self, conn: &Connection) -> rusqlite::Result<()> {
        self.0.sort_unstable();
        self.0.dedup();
        let mut insert =
            conn.prepare_cached("INSERT OR IGNORE INTO lookup (segment, key, seq) VALUES (?1, ?2, ?3)")?;
        for (segment, key, seq) in &self.0 {
            insert.execute(params![segment, key, seq])?;
        }
        Ok(())
    }
}

/// Events before `seq` and from `oldest` on that have this text, newest first; `enough` of them at most.
pub(crate) fn seqs(
    conn: &Connection,
    kind: Kind,
    text: &str,
    (seq, oldest): (i64, i64),
    enough: usize,
) -> rusqlite::Result<Vec<i64>> {
    let mut select = conn.prepare_cached(
        "SELECT seq FROM lookup WHERE segment = ?1 AND key = ?2 AND seq < ?3 AND seq >= ?4 ORDER BY seq DESC LIMIT ?5",
    )?;
    let (key, mut found) = (kind.key(text), Vec::new());
    for segment in kind.segments(seq - 1, oldest.max(0)) {
        let rows =
            select.query_map(params![segment, key, seq, oldest, enough - found.len()], |r| r.get(0))?;
        for row in rows {
            found.push(row?);
        }
        if found.len() >= enough {
            break;
        }
    }
    Ok(found)
}

/// Events that name an order, of those from its first to its last, oldest first; the newest `enough` of them.
pub(crate) fn of_order(
    conn: &Connection,
    order_id: &str,
    (first, last): (i64, i64),
    enough: usize,
) -> rusqlite::Result<Vec<i64>> {
    if first == last {
        return Ok(vec![first]);
    }
    let mut seqs = seqs(conn, Kind::Order, order_id, (last + 1, first), enough)?;
    seqs.reverse();
    Ok(seqs)
}

/// Deletes segments that hold nothing from `first` on; of each kind one at a time.
pub(super) fn prune(conn: &Connection, first: i64) -> rusqlite::Result<()> {
    let mut delete = conn.prepare_cached("DELETE FROM lookup WHERE segment = ?1")?;
    let oldest = |sql: &str| conn.query_row(sql, [], |r| r.get::<_, Option<i64>>(0));
    if let Some(fine) = oldest("SELECT min(segment) FROM lookup WHERE segment >= 0")?
        && fine < first >> SEGMENT_BITS
    {
        delete.execute([fine])?;
    }
    if let Some(rare) = oldest("SELECT max(segment) FROM lookup WHERE segment < 0")?
        && -1 - rare < first >> RARE_SEGMENT_BITS
    {
        delete.execute([rare])?;
    }
    Ok(())
}

/// Every site that has or had a destination.
pub(crate) fn all_sites(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut select = conn.prepare_cached("SELECT DISTINCT site FROM lanes ORDER BY site")?;
    select.query_map([], |r| r.get(0))?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_stable_and_of_their_kind() {
        assert_eq!(Kind::Id.key("wc_order_891"), Kind::Id.key("wc_order_891"));
        assert_ne!(Kind::Id.key("891"), Kind::Order.key("891"));
        // First bytes of SHA-256 of "order", a zero byte, and "891".
        let hash = Sha256::digest(b"order\x00891");
        assert_eq!(Kind::Order.key("891").to_be_bytes()[..], hash[..8]);
    }

    #[test]
    fn segments_are_walked_from_the_newest() {
        assert_eq!(Kind::Id.segments((2 << 16) + 5, 0).collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!(Kind::Order.segments((1 << 20) + 5, 0).collect::<Vec<_>>(), [-2, -1]);
        for seq in [0, 65_535, 65_536, 1 << 20, 9_999_999] {
            for kind in [Kind::Id, Kind::Order] {
                assert_eq!(kind.segments(seq, seq).collect::<Vec<_>>(), [kind.segment(seq)]);
            }
        }
    }
}
