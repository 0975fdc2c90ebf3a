//! The consent string of IAB Europe's Transparency and Consent Framework, version 2.
//!
//! Layout after the IAB Tech Lab's specification as of February 2026. An own decoder: the one crate for it is unofficial and
//! brings every other IAB format along, and this is a hundred lines that must not expand what a hostile string claims.

use std::ops::RangeInclusive;

use super::merge::{Answer, Reading};
use super::{Evidence, Status};

/// Longest string that is read, in bytes.
const MAX_LEN: usize = 8 * 1024;

/// Our policy: what an ad platform needs. Storage, building profiles, using them, measuring ads.
pub const ADVERTISING_PURPOSES: [u8; 4] = [1, 3, 4, 7];

/// Our policy: storage, and understanding audiences through statistics.
pub const ANALYTICS_PURPOSES: [u8; 2] = [1, 9];

/// A restriction that forbids the purpose flatly, whatever was consented to.
const FORBIDDEN: u64 = 0;

/// What we read of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TcString {
    /// Purposes consented to.
    pub purposes: Vec<u8>,
    /// Purposes that rest on legitimate interest and were not objected to.
    pub legitimate_interests: Vec<u8>,
    /// Vendors consented to, as ranges: one entry may span them all.
    vendors: Vec<RangeInclusive<u16>>,
    /// Purposes the publisher forbids to vendors.
    forbidden: Vec<(u8, RangeInclusive<u16>)>,
}

impl TcString {
    /// Reads a string; `None` when it is none, of another version, or not meant for this very site.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_LEN {
            return None;
        }
        let mut segments = text.split('.');
        let mut bits = Bits::of(segments.next()?)?;
        // The others hold nothing we need, but a string with foreign characters in it is none.
        if !segments.all(|segment| Bits::of(segment).is_some()) || bits.take(6)? != 2 {
            return None;
        }
        // Created, updated.
        bits.skip(36 + 36)?;
        // Tool, its version, screen, language, vendor list, policy.
        bits.skip(12 + 12 + 6 + 12 + 12 + 6)?;
        if bits.take(1)? != 1 {
            return None;
        }
        // Non-standard texts, special features.
        bits.skip(1 + 12)?;
        let purposes = bits.purposes()?;
        let legitimate_interests = bits.purposes()?;
        // Purpose one treatment, country.
        bits.skip(1 + 12)?;
        let vendors = bits.vendors()?;
        let _interests = bits.vendors()?;
        let forbidden = bits.forbidden()?;
        Some(Self { purposes, legitimate_interests, vendors, forbidden })
    }

    /// Whether the vendor has consent.
    #[must_use]
    pub fn has_vendor(&self, vendor: u16) -> bool {
        self.vendors.iter().any(|range| range.contains(&vendor))
    }

    /// Whether the vendor may advertise: its own consent, and no purpose it needs forbidden to it.
    #[must_use]
    pub fn allows(&self, vendor: u16) -> bool {
        let forbidden = |(purpose, to): &(u8, RangeInclusive<u16>)| {
            ADVERTISING_PURPOSES.contains(purpose) && to.contains(&vendor)
        };
        self.has_vendor(vendor) && !self.forbidden.iter().any(forbidden)
    }

    fn answer(&self, needed: &[u8]) -> Answer {
        Answer::chosen(Status::of(needed.iter().all(|purpose| self.purposes.contains(purpose))))
    }
}

/// The reading of a string; the caller asks it for single vendors.
pub(super) fn reading(text: &str) -> Option<(Reading, TcString)> {
    let string = TcString::read(text)?;
    let reading = Reading {
        // Its own time is that of a day's beginning: words of one day could not be told apart by it.
        evidence: Evidence::new("tcf", text),
        advertising: string.answer(&ADVERTISING_PURPOSES),
        analytics: string.answer(&ANALYTICS_PURPOSES),
        ..Reading::default()
    };
    Some((reading, string))
}

/// A segment, read bit by bit; each character is six of them.
struct Bits<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// `None` when a character is not of the alphabet.
    fn of(segment: &'a str) -> Option<Self> {
        let text = segment.as_bytes();
        text.iter().all(|c| sextet(*c).is_some()).then_some(Self { text, at: 0 })
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at += count;
        (self.at <= self.text.len() * 6).then_some(())
    }

    fn take(&mut self, count: usize) -> Option<u64> {
        let mut value = 0;
        for at in self.at..self.at + count {
            let sextet = sextet(*self.text.get(at / 6)?)?;
            value = value << 1 | u64::from(sextet >> (5 - at % 6) & 1);
        }
        self.at += count;
        Some(value)
    }

    fn id(&mut self) -> Option<u16> {
        u16::try_from(self.take(16)?).ok()
    }

    fn purposes(&mut self) -> Option<Vec<u8>> {
        let bits = self.take(24)?;
        Some((1..=24).filter(|purpose| bits >> (24 - purpose) & 1 == 1).collect())
    }

    /// A bit for each vendor, or ranges.
    fn vendors(&mut self) -> Option<Vec<RangeInclusive<u16>>> {
        let last = self.id()?;
        if self.take(1)? == 1 {
            return self.ranges();
        }
        let start = self.at;
        self.skip(usize::from(last))?;
        let mut bits = Self { text: self.text, at: start };
        let mut ranges: Vec<RangeInclusive<u16>> = Vec::new();
        for id in 1..=last {
            if bits.take(1)? == 0 {
                continue;
            }
            match ranges.last_mut() {
                Some(range) if *range.end() + 1 == id => *range = *range.start()..=id,
                _ => ranges.push(id..=id),
            }
        }
        Some(ranges)
    }

    fn ranges(&mut self) -> Option<Vec<RangeInclusive<u16>>> {
        let count = self.take(12)?;
        (0..count)
            .map(|_| {
                let is_range = self.take(1)? == 1;
                let start = self.id()?;
                Some(start..=if is_range { self.id()? } else { start })
            })
            .collect()
    }

    fn forbidden(&mut self) -> Option<Vec<(u8, RangeInclusive<u16>)>> {
        let mut forbidden = Vec::new();
        for _ in 0..self.take(12)? {
            let purpose = u8::try_from(self.take(6)?).ok()?;
            let kind = self.take(2)?;
            let ranges = self.ranges()?;
            if kind == FORBIDDEN {
                forbidden.extend(ranges.into_iter().map(|range| (purpose, range)));
            }
        }
        Some(forbidden)
    }
}

/// base64url.
fn sextet(c: u8) -> Option<u8> {
    Some(match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    })
}
