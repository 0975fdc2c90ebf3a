//! Script tags of a page. As much of HTML as a look for our own tag needs.

/// Attributes of one tag, names in lower case, values as a browser reads them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tag(Vec<(String, String)>);

impl Tag {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// All tags of this name, outside of comments.
pub(super) fn tags(html: &str, name: &str) -> Vec<Tag> {
    let html = without_comments(html);
    let lower = html.to_ascii_lowercase();
    let start = format!("<{name}");
    lower
        .match_indices(&start)
        .filter_map(|(at, _)| html.get(at + start.len()..))
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/')))
        .map(attributes)
        .collect()
}

fn without_comments(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, after)) = rest.split_once("<!--") {
        out.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    out + rest
}

fn attributes(mut rest: &str) -> Tag {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'))
            .unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        if name.is_empty() {
            return Tag(found);
        }
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(given) = rest.strip_prefix('=') {
            let given = given.trim_start();
            let quote = given.chars().next().filter(|c| matches!(c, '"' | '\''));
            (value, rest) = match quote {
                Some(quote) => given[1..].split_once(quote).unwrap_or((&given[1..], "")),
                None => {
                    let end =
                        given.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(given.len());
                    given.split_at(end)
                }
            };
        }
        found.push((name, read(value)));
    }
}

/// Without the references that our own tag and most pages use.
fn read(value: &str) -> String {
    let pairs = [("&quot;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    pairs.iter().fold(value.to_owned(), |text, (written, meant)| text.replace(written, meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_tags_are_found_as_people_and_plugins_write_them() {
        let html = r#"<!doctype html><!-- <script src="/old.js"></script> -->
            <SCRIPT async src="/x7k2/s.js"></script><script	src='/b.js?a=1&amp;b=2' nonce=abc></script>
            <script>let a = "<div>"</script><scripted src="/no.js"><script defer src=/c.js></script>"#;
        let found = tags(html, "script");
        let sources: Vec<_> = found.iter().map(|tag| tag.get("src")).collect();
        assert_eq!(sources, [Some("/x7k2/s.js"), Some("/b.js?a=1&b=2"), None, Some("/c.js")]);
        assert_eq!(found[0].get("async"), Some(""));
        assert_eq!(found[1].get("nonce"), Some("abc"));
    }

    #[test]
    fn a_page_that_ends_anywhere_is_read_to_its_end() {
        let html = r#"<script src="/a.js" data-x='{"a":1}'"#;
        for end in 0..=html.len() {
            tags(&html[..end], "script");
        }
        assert_eq!(tags(html, "script")[0].get("data-x"), Some("{\"a\":1}"));
    }
}
