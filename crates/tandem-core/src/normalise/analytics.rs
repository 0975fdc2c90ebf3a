//! Google Analytics' own ids: of the browser, and of the visit. They are for statistics, so they are kept only where
//! statistics may be made, and their cookies are never ours to renew.
//!
//! What their cookies look like is in [`ga`].

use super::ga;

/// The client id in a cookie, if it is one of those that hold it.
pub(super) fn client_in(cookie: &str, value: &str) -> Option<String> {
    let id = match cookie {
        "FPID" => ga::server_client_id(value)?,
        _ => ga::client_id(value)?.0,
    };
    is_client(&id).then_some(id)
}

/// The session id in a cookie of a stream.
pub(super) fn session_in(value: &str) -> Option<String> {
    Some(ga::session(value)?.id).filter(|id| is_session(id))
}

/// `1234567890.1700000000`, or the server container's `<base64>.1700000000`. A number with a plus that could be somebody's
/// telephone is neither.
pub(super) fn is_client(id: &str) -> bool {
    let Some((random, time)) = id.rsplit_once('.') else { return false };
    let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_');
    let coded = (20..=100).contains(&random.len())
        && random.bytes().all(base64)
        && random.bytes().any(|b| b.is_ascii_alphabetic());
    digits(time, 13) && (digits(random, 20) || coded)
}

/// Unix seconds of the session's start.
pub(super) fn is_session(id: &str) -> bool {
    digits(id, 13)
}

fn digits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients() {
        for (cookie, value, expected) in [
            ("_ga", "GA1.1.777888999.1795000000", Some("777888999.1795000000")),
            ("_ga", "GA1.3-2.777888999.1795000000", Some("777888999.1795000000")),
            ("_ga", "777888999.1795000000", None),
            ("_ga", "GA1.1.777888999", None),
            ("_ga", "GA1.1.ada@example.com", None),
            ("_ga", "GA1.1.+4915112345678.1795000000", None),
            (
                "FPID",
                "FPID2.2.q%2FWGjVw7VNtGq2Kgl6LNzZqWDF4UrhbKD9vxNjjMXzA%3D.1613000000",
                Some("q/WGjVw7VNtGq2Kgl6LNzZqWDF4UrhbKD9vxNjjMXzA=.1613000000"),
            ),
            ("FPID", "GA1.1.777888999.1795000000", None),
        ] {
            assert_eq!(client_in(cookie, value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn sessions() {
        for (value, expected) in [
            ("GS1.1.1795348000.3.1.1795348100.60.0.0", Some("1795348000")),
            ("GS2.1.s1795348000$o3$g1$t1795348100$j60$l0$h0", Some("1795348000")),
            ("GS2.1.o3$s1795348000$g1", Some("1795348000")),
            ("GS2.1.o3$g1", None),
            ("GS3.1.s1795348000", None),
            ("GS1.1.x", None),
            ("", None),
        ] {
            assert_eq!(session_in(value).as_deref(), expected, "{value}");
        }
    }
}
