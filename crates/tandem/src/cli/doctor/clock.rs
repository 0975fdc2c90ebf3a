//! Our clock against those of the shop and the platforms.

use axum::http::HeaderMap;
use tandem_gateway::clock::Clock;
use tandem_gateway::transport::Fetched;

use super::Check;
use super::check::Missing;
use super::subject::{Subject, get, text};

const NAME: &str = "clock";

/// Seconds that a slow answer explains.
const NOTICED: i64 = 10;

/// Seconds from which platforms refuse events of the future, or do not merge the two halves.
const HARMFUL: i64 = 120;

/// Who was asked, and how many seconds we are ahead of them.
struct Witness {
    name: String,
    ahead_s: i64,
}

/// The check.
pub(super) async fn compared(subject: &Subject) -> Check {
    let mut platforms = Vec::new();
    for destination in &subject.setup.destinations {
        // Any answer will do; without token and body nothing can come of it.
        let url = destination.request(&[]).url;
        let answer = get(&subject.http, &url, HeaderMap::new()).await;
        let ahead_s = answer.ok().and_then(|answer| ahead(&answer, subject.clock.now_ms()));
        let name = destination.definition().title.to_owned();
        platforms.extend(ahead_s.map(|ahead_s| Witness { name, ahead_s }));
    }
    let page = subject.page.as_ref().and_then(|page| page.as_ref().ok());
    let shop = page.and_then(|page| ahead(&page.answer, page.at_ms));
    verdict(&platforms, shop.map(|ahead_s| Witness { name: "the shop".to_owned(), ahead_s }))
}

/// Seconds we are ahead of an answer's `Date`; a cache says in `Age` how long it has had it.
fn ahead(answer: &Fetched, now_ms: i64) -> Option<i64> {
    let date = jiff::fmt::rfc2822::parse(text(answer, "date")?).ok()?.timestamp().as_second();
    let age = text(answer, "age").and_then(|age| age.trim().parse::<i64>().ok()).unwrap_or_default();
    Some(now_ms.div_euclid(1_000) - date - age)
}

fn verdict(platforms: &[Witness], shop: Option<Witness>) -> Check {
    // A platform's clock is right; a shop's is another machine's.
    let Some(worst) =
        platforms.iter().chain(shop.iter().filter(|_| platforms.is_empty())).max_by_key(|w| w.ahead_s.abs())
    else {
        let missing = Missing { what: "nobody told the time", remedy: "" };
        return Check::skipped(NAME, &missing);
    };
    let side = |s: i64| if s < 0 { "behind" } else { "ahead of" };
    let off = |w: &Witness| format!("{} seconds {} {}", w.ahead_s.abs(), side(w.ahead_s), w.name);
    let remedy = "Let the machine keep its clock by itself (timedatectl set-ntp true).";
    match worst.ahead_s.abs() {
        s if s > HARMFUL => Check::fail(
            NAME,
            format!("this machine's clock is {}: events get a wrong time", off(worst)),
            remedy,
        ),
        s if s > NOTICED => Check::warn(NAME, format!("this machine's clock is {}", off(worst)), remedy),
        _ => match shop.as_ref().filter(|shop| shop.ahead_s.abs() > HARMFUL) {
            Some(shop) => Check::warn(
                NAME,
                format!(
                    "right, but the shop's machine is {} seconds off: orders get its time",
                    shop.ahead_s.abs()
                ),
                "Let the shop's machine keep its clock by itself.",
            ),
            None => Check::ok(NAME, format!("agrees with {}", worst.name)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;

    fn seen(platform: i64, shop: i64) -> Verdict {
        let witness = |name: &str, ahead_s| Witness { name: name.to_owned(), ahead_s };
        verdict(&[witness("TikTok", platform)], Some(witness("the shop", shop))).verdict
    }

    #[test]
    fn a_platform_is_believed_before_the_shop() {
        assert_eq!(seen(1, 2), Verdict::Ok);
        assert_eq!(seen(-30, 0), Verdict::Warn);
        assert_eq!(seen(-900, -900), Verdict::Fail);
        assert_eq!(seen(0, 900), Verdict::Warn);
        assert_eq!(verdict(&[], None).verdict, Verdict::Skipped);
    }

    #[test]
    fn a_cached_answer_is_as_old_as_it_says() {
        let mut headers = HeaderMap::new();
        headers.insert("date", "Sun, 22 Nov 2026 18:00:00 GMT".parse().unwrap());
        headers.insert("age", "100".parse().unwrap());
        let answer = Fetched { status: 200, headers, body: vec![] };
        assert_eq!(ahead(&answer, 1_795_370_400_000 + 105_000), Some(5));
    }
}
