//! Google Analytics' ids of a browser and its visit, as its own cookies hold them. Forms as the published gtag script writes
//! them (`GS2` since May 2025); a value of another form is nobody's id.

/// A browser and its visit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// `1234567890.1700000000`, or what a server container put in its place.
    pub client_id: Option<String>,
    /// Unix seconds of the visit's start, as text.
    pub session_id: Option<String>,
}

impl Ids {
    /// These, and what is missing from others.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            client_id: self.client_id.or(others.client_id),
            session_id: self.session_id.or(others.session_id),
        }
    }

    /// Of a browser's cookies. Of several streams the visit that was active last counts.
    #[must_use]
    pub fn of_cookies(cookies: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut ids = Self::default();
        let mut newest = -1;
        for (name, value) in cookies {
            if name == "_ga" && ids.client_id.is_none() {
                ids.client_id = client_id(&value).map(|(id, _)| id);
            } else if name.starts_with("_ga_")
                && let Some(visit) = session(&value)
                && visit.last_s > newest
            {
                newest = visit.last_s;
                ids.session_id = Some(visit.id);
            }
        }
        ids
    }
}

/// Client id and Unix seconds of its making out of the `_ga` cookie: `GA1.<depth>[-<path depth>].<random>.<seconds>`.
#[must_use]
pub fn client_id(cookie: &str) -> Option<(String, i64)> {
    let parts: Vec<&str> = cookie.split('.').collect();
    let ["GA1", depth, random, seconds] = parts.as_slice() else { return None };
    let plain = depth.split('-').all(is_number) && is_number(random) && is_number(seconds);
    plain.then(|| Some((format!("{random}.{seconds}"), seconds.parse().ok()?)))?
}

/// The client id that a server container set in its cookie `FPID`: `FPID2.<depth>.<base64>.<seconds>`.
#[must_use]
pub fn server_client_id(cookie: &str) -> Option<String> {
    let decoded = super::clicks::percent_decode(cookie)?;
    let mut parts = decoded.splitn(4, '.');
    let (kind, depth) = (parts.next()?, parts.next()?);
    let (random, seconds) = (parts.next()?, parts.next()?);
    let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=');
    let fits = kind.starts_with("FPID") && is_number(depth) && is_number(seconds);
    (fits && (1..=100).contains(&random.len()) && random.bytes().all(base64))
        .then(|| format!("{random}.{seconds}"))
}

/// A visit out of a `_ga_<stream>` cookie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visit {
    /// Unix seconds of its start.
    pub id: String,
    /// How many visits there were.
    pub number: i64,
    /// It lasted, or led to something.
    pub engaged: bool,
    /// Unix seconds of its newest event.
    pub last_s: i64,
}

/// Reads one, in the older form (parts with dots) or the newer one (fields with a letter each, in any order).
#[must_use]
pub fn session(cookie: &str) -> Option<Visit> {
    let mut parts = cookie.splitn(3, '.');
    let (kind, _depth, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let field = |letter: char, at: usize| match kind {
        "GS1" => rest.split('.').nth(at),
        "GS2" => rest.split('$').find_map(|field| field.strip_prefix(letter)),
        _ => None,
    };
    let id = field('s', 0).filter(|id| is_number(id))?.to_owned();
    let number = |letter, at| field(letter, at).and_then(|text| text.parse().ok()).unwrap_or_default();
    Some(Visit { id, number: number('o', 1), engaged: number('g', 2) == 1, last_s: number('t', 3) })
}

fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}
