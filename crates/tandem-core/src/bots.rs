//! Machines among the visitors, by what they say of themselves. No guessing by behaviour: a person wrongly taken for a
//! machine is a sale lost.

/// The list, one pattern a line; see the comments in the file.
const LIST: &str = include_str!("bots.txt");

/// Why a visitor is taken for a machine: the pattern that hit, or the browser's own flag. `None` for people.
#[must_use]
pub fn reason(user_agent: Option<&str>, automated: bool) -> Option<String> {
    if automated {
        return Some("the browser says that a program drives it (navigator.webdriver)".to_owned());
    }
    let agent = user_agent.map(str::to_ascii_lowercase).filter(|agent| !agent.trim().is_empty());
    let Some(agent) = agent else { return Some("the request names no browser".to_owned()) };
    if says_bot(&agent) {
        return Some("the user agent calls itself a bot".to_owned());
    }
    let mut patterns = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    patterns.find(|pattern| agent.contains(pattern)).map(|pattern| format!("the user agent has {pattern:?}"))
}

/// `…bot` at the end of a word: Googlebot/2.1, bingbot, AdsBot-Google; not Cubot, which is a phone.
fn says_bot(agent: &str) -> bool {
    agent.match_indices("bot").any(|(at, _)| {
        let ends = agent[at + 3..].chars().next().is_none_or(|c| !c.is_ascii_alphabetic());
        ends && !agent[..at].ends_with("cu")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_and_people() {
        for machine in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0)",
            "AdsBot-Google (+http://www.google.com/adsbot.html)",
            "facebookexternalhit/1.1",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/156.0.0.0 Safari/537.36",
            "",
        ] {
            assert!(reason(Some(machine), false).is_some(), "{machine}");
        }
        for person in [
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 musical_ly",
            "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ] {
            assert_eq!(reason(Some(person), false), None, "{person}");
        }
        assert!(reason(Some("Mozilla/5.0"), true).is_some());
    }
}
