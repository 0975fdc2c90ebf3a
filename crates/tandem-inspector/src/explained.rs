//! What a code means, in the words of the one document that explains them.

use minijinja::{HtmlEscape, Value};
use tandem_core::codes::{self, Code};

/// The explanation, if the document has one; platforms explain their own codes.
pub(crate) fn of(code: &str) -> Option<&'static Code> {
    codes::find(code)
}

/// A text with `backticks`, as markup.
pub(crate) fn marked(text: &str) -> Value {
    let mut markup = String::new();
    for (at, part) in text.split('`').enumerate() {
        let part = HtmlEscape(part);
        markup.push_str(&if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_string() });
    }
    Value::from_safe_string(markup)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_become_code_and_nothing_else_becomes_markup() {
        assert_eq!(marked("Send `value` <b>").to_string(), "Send <code>value</code> &lt;b&gt;");
        assert_eq!(marked("a `<i>`").to_string(), "a <code>&lt;i&gt;</code>");
    }
}
