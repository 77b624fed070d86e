//! What a server offers in its reply to EHLO (RFC 5321 §4.1.1.1).

use crate::Reply;

/// The service extensions of a server; none of them after HELO.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// SIZE (RFC 1870): the server reads the parameter.
    pub size: bool,
    /// The limit that SIZE announced.
    pub size_limit: Option<u64>,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// AUTH with PLAIN (RFC 4616).
    pub auth_plain: bool,
    /// AUTH with LOGIN.
    pub auth_login: bool,
}

impl Capabilities {
    /// Reads the reply to EHLO; keywords we do not use are skipped.
    pub fn from_ehlo(reply: &Reply) -> Self {
        let mut offered = Self::default();
        // The first line names the server.
        for line in reply.lines().iter().skip(1) {
            offered.take(line);
        }
        offered
    }

    fn take(&mut self, line: &str) {
        // `AUTH=` is how servers before RFC 2554 spelled it.
        let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
        let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
        match keyword.as_str() {
            "SIZE" => {
                self.size = true;
                // 0 says that there is no fixed limit (RFC 1870 §4).
                self.size_limit = words.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
            }
            "PIPELINING" => self.pipelining = true,
            "8BITMIME" => self.eight_bit = true,
            "SMTPUTF8" => self.smtputf8 = true,
            "DSN" => self.dsn = true,
            "STARTTLS" => self.starttls = true,
            "ENHANCEDSTATUSCODES" => self.enhanced_status = true,
            "CHUNKING" => self.chunking = true,
            "AUTH" => {
                for mechanism in words {
                    self.auth_plain |= mechanism.eq_ignore_ascii_case("PLAIN");
                    self.auth_login |= mechanism.eq_ignore_ascii_case("LOGIN");
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_read_in_any_case() {
        let reply = Reply::plain(
            250,
            "mx.example SIZE 1\nsize 5000\n8bitmime\nX-OTHER 1\nAUTH=LOGIN\nAUTH GSSAPI plain\nDSN",
        );
        let expected = Capabilities {
            size: true,
            size_limit: Some(5000),
            eight_bit: true,
            dsn: true,
            auth_plain: true,
            auth_login: true,
            ..Capabilities::default()
        };
        assert_eq!(Capabilities::from_ehlo(&reply), expected);
    }

    #[test]
    fn a_size_of_zero_is_no_limit() {
        let limit = |line: &str| {
            let offered = Capabilities::from_ehlo(&Reply::plain(250, format!("mx\n{line}")));
            (offered.size, offered.size_limit)
        };
        assert_eq!(limit("SIZE"), (true, None));
        assert_eq!(limit("SIZE 0"), (true, None));
        assert_eq!(limit("SIZE junk"), (true, None));
        assert_eq!(limit("DSN"), (false, None));
    }
}
