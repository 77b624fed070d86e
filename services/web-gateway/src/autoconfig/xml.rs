//! Writing XML: elements within elements, text escaped.

/// A document being written.
pub(super) struct Document(String);

impl Document {
    pub(super) fn new() -> Self {
        Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned())
    }

    /// Markup that stands as it is.
    pub(super) fn markup(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// An element with text in it.
    pub(super) fn text(&mut self, element: &str, text: &str) -> &mut Self {
        self.0
            .push_str(&format!("<{element}>{}</{element}>\n", escape(text)));
        self
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Text as it may stand in an element or an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The text of an escaped text.
pub(super) fn unescape(escaped: &str) -> String {
    let plain = escaped.replace("&lt;", "<").replace("&gt;", ">");
    let plain = plain.replace("&quot;", "\"").replace("&apos;", "'");
    plain.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_comes_back() {
        let text = "<a&b>\"c\"'d'&amp;";
        assert_eq!(unescape(&escape(text)), text);
        assert!(!escape(text).contains(['<', '>', '"', '\'']));
    }
}
