//! Reading the grammar's small pieces (RFC 9051 §9) off the front of a command.

use std::borrow::Cow;

use crate::command::CommandError;

pub(crate) type Result<T> = std::result::Result<T, CommandError>;

/// ATOM-CHAR: printable ASCII but for atom-specials.
pub(crate) fn is_atom_char(octet: u8) -> bool {
    octet.is_ascii_graphic()
        && !matches!(
            octet,
            b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']'
        )
}

/// ASTRING-CHAR: what an atom may hold, and `]`.
pub(crate) fn is_astring_char(octet: u8) -> bool {
    is_atom_char(octet) || octet == b']'
}

/// A command with its literals, and how far it was read.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Skips `octet` if it is next.
    pub(crate) fn skip(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    /// Skips `word`, in any case, if it is next.
    pub(crate) fn skip_word(&mut self, word: &str) -> bool {
        let found = self
            .rest
            .get(..word.len())
            .is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes()));
        if found {
            self.rest = &self.rest[word.len()..];
        }
        found
    }

    pub(crate) fn expect(&mut self, octet: u8, what: &'static str) -> Result<()> {
        self.skip(octet)
            .then_some(())
            .ok_or(CommandError::Expected(what))
    }

    pub(crate) fn space(&mut self) -> Result<()> {
        self.expect(b' ', "a single space")
    }

    pub(crate) fn end(&self) -> Result<()> {
        self.is_at_end()
            .then_some(())
            .ok_or(CommandError::Expected("the end of the command"))
    }

    /// The longest run of octets that `belongs` to, which must not be empty.
    pub(crate) fn run(
        &mut self,
        belongs: impl Fn(u8) -> bool,
        what: &'static str,
    ) -> Result<&'a str> {
        let end = self.rest.iter().position(|b| !belongs(*b));
        let (run, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let text = std::str::from_utf8(run).map_err(|_| CommandError::Expected(what))?;
        if text.is_empty() {
            return Err(CommandError::Expected(what));
        }
        self.rest = rest;
        Ok(text)
    }

    pub(crate) fn atom(&mut self, what: &'static str) -> Result<&'a str> {
        self.run(is_atom_char, what)
    }

    /// An atom in capital letters: a keyword of the protocol.
    pub(crate) fn keyword(&mut self, what: &'static str) -> Result<String> {
        self.atom(what).map(str::to_ascii_uppercase)
    }

    pub(crate) fn number(&mut self) -> Result<u32> {
        let number = self.number64()?;
        u32::try_from(number).map_err(|_| CommandError::Expected("a number of 32 bits"))
    }

    /// A number of 63 bits (RFC 9051's number64).
    pub(crate) fn number64(&mut self) -> Result<u64> {
        const WHAT: &str = "a number";
        let digits = self.run(|b| b.is_ascii_digit(), WHAT)?;
        let number = digits.parse().ok().filter(|n| *n <= i64::MAX as u64);
        number.ok_or(CommandError::Expected(WHAT))
    }

    pub(crate) fn nonzero(&mut self) -> Result<u32> {
        match self.number()? {
            0 => Err(CommandError::Expected("a number above zero")),
            number => Ok(number),
        }
    }

    /// A quoted string or a literal.
    pub(crate) fn string(&mut self, what: &'static str) -> Result<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal().map(Cow::Borrowed),
            Some(_) | None => Err(CommandError::Expected(what)),
        }
    }

    /// An ASTRING: an atom that may hold `]`, or a string.
    pub(crate) fn astring(&mut self, what: &'static str) -> Result<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(what),
            Some(_) | None => {
                let atom = self.run(is_astring_char, what)?;
                Ok(Cow::Borrowed(atom.as_bytes()))
            }
        }
    }

    /// An ASTRING that is UTF-8.
    pub(crate) fn text(&mut self, what: &'static str) -> Result<String> {
        utf8(&self.astring(what)?)
    }

    /// A string or NIL.
    pub(crate) fn nstring(&mut self, what: &'static str) -> Result<Option<String>> {
        match self.skip_word("NIL") {
            true => Ok(None),
            false => utf8(&self.string(what)?).map(Some),
        }
    }

    fn quoted(&mut self) -> Result<Cow<'a, [u8]>> {
        const UNENDED: CommandError = CommandError::Expected("the end of a quoted string");
        let inside = &self.rest[1..];
        let end = inside.iter().position(|b| matches!(b, b'"' | b'\\'));
        let end = end.ok_or(UNENDED)?;
        if inside[end] == b'"' {
            self.rest = &inside[end + 1..];
            return quotable(Cow::Borrowed(&inside[..end]));
        }
        let mut plain = Vec::with_capacity(inside.len().min(256));
        let mut octets = inside.iter().enumerate();
        while let Some((at, octet)) = octets.next() {
            match octet {
                b'"' => {
                    self.rest = &inside[at + 1..];
                    return quotable(Cow::Owned(plain));
                }
                b'\\' => {
                    let escaped = octets.next().map(|(_, escaped)| *escaped);
                    let escaped = escaped.filter(|b| matches!(b, b'"' | b'\\'));
                    plain.push(escaped.ok_or(CommandError::Expected(
                        "a quote or backslash behind a backslash",
                    ))?);
                }
                octet => plain.push(*octet),
            }
        }
        Err(UNENDED)
    }

    /// `{n}` or `{n+}`, the end of the line, and n octets.
    fn literal(&mut self) -> Result<&'a [u8]> {
        const BROKEN: CommandError = CommandError::Expected("a literal {n} or {n+} of that size");
        self.expect(b'{', "a literal")?;
        let size = self.number64()?;
        self.skip(b'+');
        self.expect(b'}', "the end of a literal's size")?;
        self.skip(b'\r');
        self.expect(b'\n', "the end of the line behind a literal's size")?;
        let size = usize::try_from(size).map_err(|_| BROKEN)?;
        let (octets, rest) = self.rest.split_at_checked(size).ok_or(BROKEN)?;
        self.rest = rest;
        if octets.contains(&0) {
            return Err(CommandError::Expected("a literal without NUL"));
        }
        Ok(octets)
    }

    /// Reads `( … )` around items parted by single spaces; at least one where
    /// not `or_empty`.
    pub(crate) fn list<T>(
        &mut self,
        or_empty: bool,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.expect(b'(', "an opening parenthesis")?;
        let mut items = Vec::new();
        if or_empty && self.skip(b')') {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.skip(b')') {
                return Ok(items);
            }
            self.expect(b' ', "a space or a closing parenthesis")?;
        }
    }
}

/// What a quoted string may hold: no NUL and no line end.
fn quotable(octets: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>> {
    match octets.iter().any(|b| matches!(b, 0 | b'\r' | b'\n')) {
        true => Err(CommandError::Expected("a quoted string on one line")),
        false => Ok(octets),
    }
}

pub(crate) fn utf8(octets: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(octets);
    text.map(str::to_owned)
        .map_err(|_| CommandError::Expected("text in UTF-8"))
}
