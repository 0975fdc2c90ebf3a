//! Which kind of device a visit came from: coarse, and enough to see that a key is missing only on one of them.

/// `ios`, `android`, `windows`, `mac`, `linux`, `other`, or `none` without a user agent. An iPad that asks for desktop
/// pages calls itself a Mac, and is one here.
#[must_use]
pub fn device(user_agent: Option<&str>) -> &'static str {
    // In this order: a telephone with Android says Linux too, and one with Windows both others.
    const SIGNS: &[(&str, &str)] = &[
        ("Windows", "windows"),
        ("iPhone", "ios"),
        ("iPad", "ios"),
        ("iPod", "ios"),
        ("Android", "android"),
        ("Macintosh", "mac"),
        ("CrOS", "linux"),
        ("Linux", "linux"),
        ("X11", "linux"),
    ];
    match user_agent.map(str::trim) {
        None | Some("") => "none",
        Some(text) => SIGNS.iter().find(|(sign, _)| text.contains(sign)).map_or("other", |(_, name)| name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_told_by_their_user_agents() {
        let cases = [
            (None, "none"),
            (Some("  "), "none"),
            (Some("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"), "ios"),
            (Some("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0"), "android"),
            (Some("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"), "windows"),
            (Some("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15"), "mac"),
            (Some("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101"), "linux"),
            (Some("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)"), "linux"),
            (Some("Mozilla/5.0 (PlayStation 5)"), "other"),
        ];
        for (user_agent, expected) in cases {
            assert_eq!(device(user_agent), expected, "{user_agent:?}");
        }
    }
}
