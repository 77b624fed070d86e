//! The parameters of MAIL and RCPT: `KEYWORD` or `KEYWORD=value`
//! (RFC 5321 §4.1.2), each at most once.

use message::{EnvelopeId, Notify, OriginalRecipient, Ret, ReversePath};

use super::{CommandError, path};
use crate::xtext;

/// More parameters than all extensions together define are an attack.
const MAX: usize = 16;

/// The parameters that nobody has taken yet.
pub(super) struct Parameters<'a>(Vec<(&'a str, Option<&'a str>)>);

impl<'a> Parameters<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, CommandError> {
        let mut found: Vec<(&str, Option<&str>)> = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let (keyword, value) = match word.split_once('=') {
                Some((keyword, value)) => (keyword, Some(value)),
                None => (word, None),
            };
            if found.len() == MAX || !is_keyword(keyword) {
                return Err(CommandError::UnknownParameter);
            }
            if value.is_some_and(|value| value.is_empty() || value.contains('=')) {
                return Err(CommandError::Arguments("wrong syntax of a parameter"));
            }
            if found
                .iter()
                .any(|(other, _)| other.eq_ignore_ascii_case(keyword))
            {
                return Err(CommandError::Duplicate);
            }
            found.push((keyword, value));
        }
        Ok(Self(found))
    }

    pub(super) fn none_left(&self) -> Result<(), CommandError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(CommandError::UnknownParameter)
        }
    }

    fn take(&mut self, keyword: &str) -> Option<Option<&'a str>> {
        let at = self
            .0
            .iter()
            .position(|(found, _)| found.eq_ignore_ascii_case(keyword))?;
        Some(self.0.swap_remove(at).1)
    }

    /// Takes a parameter that stands without a value.
    pub(super) fn take_flag(&mut self, keyword: &'static str) -> Result<bool, CommandError> {
        match self.take(keyword) {
            None => Ok(false),
            Some(None) => Ok(true),
            Some(Some(_)) => Err(CommandError::Value(keyword)),
        }
    }

    /// Takes a parameter whose value `read` understands.
    fn take_value<T>(
        &mut self,
        keyword: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<Option<T>, CommandError> {
        match self.take(keyword) {
            None => Ok(None),
            Some(value) => value
                .and_then(read)
                .map(Some)
                .ok_or(CommandError::Value(keyword)),
        }
    }

    /// RFC 1870; more than 2⁶⁴ octets are as good as that many.
    pub(super) fn take_size(&mut self) -> Result<Option<u64>, CommandError> {
        self.take_value("SIZE", |digits| {
            let well_formed = digits.len() <= 20 && digits.bytes().all(|b| b.is_ascii_digit());
            well_formed.then(|| digits.parse().unwrap_or(u64::MAX))
        })
    }

    /// RFC 6152. What the client declares is not kept: the octets tell.
    pub(super) fn take_body(&mut self) -> Result<(), CommandError> {
        let known = |value: &str| {
            let known = ["7BIT", "8BITMIME"]
                .iter()
                .any(|body| value.eq_ignore_ascii_case(body));
            known.then_some(())
        };
        self.take_value("BODY", known).map(|_| ())
    }

    /// RFC 4954 §5: an address or `<>`, in xtext.
    pub(super) fn take_auth(&mut self) -> Result<(), CommandError> {
        self.take_value("AUTH", |value| {
            let value = xtext::decode(value)?;
            let null = value == "<>";
            (null || path::reverse_path(&value).is_ok_and(|p| p != ReversePath::Null)).then_some(())
        })
        .map(|_| ())
    }

    pub(super) fn take_ret(&mut self) -> Result<Option<Ret>, CommandError> {
        self.take_value("RET", |value| match value.to_ascii_uppercase().as_str() {
            "FULL" => Some(Ret::Full),
            "HDRS" => Some(Ret::Hdrs),
            _ => None,
        })
    }

    pub(super) fn take_envelope_id(&mut self) -> Result<Option<EnvelopeId>, CommandError> {
        self.take_value("ENVID", |value| xtext::decode(value)?.parse().ok())
    }

    pub(super) fn take_notify(&mut self) -> Result<Notify, CommandError> {
        self.take_value("NOTIFY", parse_notify)
            .map(Option::unwrap_or_default)
    }

    /// RFC 3461 §4.2, and RFC 6533 §3 for the address type `utf-8`.
    pub(super) fn take_orcpt(&mut self) -> Result<Option<OriginalRecipient>, CommandError> {
        self.take_value("ORCPT", |value| {
            let (address_type, address) = value.split_once(';')?;
            let address = if address_type.eq_ignore_ascii_case("utf-8") {
                xtext::decode_utf8_address(address)?
            } else {
                xtext::decode(address)?
            };
            format!("{address_type};{address}").parse().ok()
        })
    }
}

fn is_keyword(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// `NEVER`, or some of the three, each once.
fn parse_notify(value: &str) -> Option<Notify> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(Notify::Never);
    }
    let (mut success, mut failure, mut delay) = (false, false, false);
    for word in value.split(',') {
        let event = match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut success,
            "FAILURE" => &mut failure,
            "DELAY" => &mut delay,
            _ => return None,
        };
        if std::mem::replace(event, true) {
            return None;
        }
    }
    Some(Notify::When {
        success,
        failure,
        delay,
    })
}
