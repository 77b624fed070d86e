//! Server side: dot-unstuffing as a stream of slices.

use super::scrutiny::{Fault, Scrutiny, Summary};

/// What a step of the decoder gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// These octets belong to the content.
    Octets(&'a [u8]),
    /// The octets that are left do not tell what they are without more.
    More,
    /// The end of data was found.
    End(Result<Summary, Fault>),
}

/// Finds the end of data and takes stuffed dots away.
///
/// Hands out slices of its input and keeps nothing: octets that do not yet tell
/// what they are (at most three) stay with the caller.
#[derive(Debug)]
pub struct Decoder {
    line_start: bool,
    scrutiny: Scrutiny,
}

impl Decoder {
    /// A decoder at the beginning of the first line.
    pub fn new(size_limit: u64, hop_limit: usize) -> Self {
        Self {
            line_start: true,
            scrutiny: Scrutiny::new(size_limit, hop_limit),
        }
    }

    /// Takes octets from the front of `input` and says how many.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> (usize, Decoded<'a>) {
        let mut start = 0;
        loop {
            if self.line_start {
                match &input[start..] {
                    [] | [b'.'] | [b'.', b'\r'] => return (start, Decoded::More),
                    [b'.', b'\r', b'\n', ..] => {
                        return (start + 3, Decoded::End(self.scrutiny.end()));
                    }
                    [b'.', ..] => start += 1,
                    [_, ..] => {}
                }
                self.line_start = false;
            }
            let end = start + self.scan(&input[start..]);
            let octets = &input[start..end];
            if octets.is_empty() {
                return (end, Decoded::More);
            }
            if self.scrutiny.take(octets) {
                return (end, Decoded::Octets(octets));
            }
            start = end;
        }
    }

    /// How many octets belong to the content before a dot or the end of what
    /// is decided. Leaves `line_start` as it is behind them.
    fn scan(&mut self, input: &[u8]) -> usize {
        let mut at = 0;
        while let Some(found) = memchr::memchr3(b'\r', b'\n', 0, &input[at..]) {
            at += found;
            match (input[at], input.get(at + 1), input.get(at + 2)) {
                (b'\r', None, _) => return at,
                (b'\r', Some(b'\n'), Some(b'.') | None) => {
                    self.line_start = true;
                    return at + 2;
                }
                (b'\r', Some(b'\n'), Some(_)) => at += 2,
                (b'\r', Some(_), _) => at += self.refuse(Fault::BareCr),
                (b'\n', ..) => at += self.refuse(Fault::BareLf),
                _ => at += self.refuse(Fault::Nul),
            }
        }
        input.len()
    }

    /// Records a fault of one octet.
    fn refuse(&mut self, fault: Fault) -> usize {
        self.scrutiny.refuse(fault);
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::DotStuffer;
    use proptest::prelude::*;

    /// Decodes `wire` as it comes in pieces of `step` octets: the content, how
    /// the data ended, and what was left behind its end.
    fn decode(wire: &[u8], step: usize) -> (Vec<u8>, Option<Result<Summary, Fault>>, Vec<u8>) {
        let mut decoder = Decoder::new(1 << 20, 50);
        let (mut content, mut buffer) = (Vec::new(), Vec::new());
        let mut pieces = wire.chunks(step);
        loop {
            let (used, decoded) = decoder.decode(&buffer);
            match decoded {
                Decoded::Octets(octets) => content.extend_from_slice(octets),
                Decoded::End(end) => {
                    let rest = pieces.flatten().copied();
                    return (
                        content,
                        Some(end),
                        buffer[used..].iter().copied().chain(rest).collect(),
                    );
                }
                Decoded::More => match pieces.next() {
                    Some(piece) => {
                        buffer.drain(..used);
                        assert!(buffer.len() <= 3);
                        buffer.extend_from_slice(piece);
                        continue;
                    }
                    None => return (content, None, buffer),
                },
            }
            buffer.drain(..used);
        }
    }

    fn check(wire: &str, content: &str) {
        for step in [1, 2, 3, 4, 7, 1000] {
            let (got, end, rest) = decode(wire.as_bytes(), step);
            assert_eq!(String::from_utf8_lossy(&got), content, "{wire:?} by {step}");
            assert_eq!(
                end.map(|end| end.map(|s| s.size)),
                Some(Ok(content.len() as u64)),
                "{wire:?}"
            );
            assert_eq!(rest, b"", "{wire:?}");
        }
    }

    /// The octets must be refused, and their end found behind `rest`'s front only.
    fn check_fault(wire: &str, fault: Fault, rest: &str) {
        for step in [1, 2, 3, 1000] {
            let (_, end, left) = decode(wire.as_bytes(), step);
            assert_eq!(end, Some(Err(fault)), "{wire:?} by {step}");
            assert_eq!(String::from_utf8_lossy(&left), rest, "{wire:?} by {step}");
        }
    }

    #[test]
    fn dots_are_unstuffed() {
        check(".\r\n", "");
        check("a\r\n.\r\n", "a\r\n");
        check("..\r\n.\r\n", ".\r\n");
        check("..a\r\n...\r\n.b\r\n.\r\n", ".a\r\n..\r\nb\r\n");
        check("a.\r\n\r\n\r\n.\r\n", "a.\r\n\r\n\r\n");
    }

    #[test]
    fn every_known_false_end_of_data_is_refused() {
        let smuggled = "MAIL FROM:<a@b>\r\n";
        for end in [
            "\n.\n",
            "\n.\r\n",
            "\r\n.\n",
            "\r.\r",
            "\r.\r\n",
            "\r\n.\r",
            "\n.\r",
            "\r.\n",
            "\r\r\n.\r",
            "\r\n.\r\r\n",
            "\n\n.\r\n",
            "\r\n\u{0}.\r\n",
            "\r\n.\u{0}\r\n",
            "\r\n\n.\r\n",
        ] {
            let wire = format!("a{end}{smuggled}\r\n.\r\nrest");
            let (content, ended, rest) = decode(wire.as_bytes(), 3);
            let fault = ended.expect("an end").expect_err("a fault");
            assert!(
                fault.is_smuggling() || fault == Fault::Nul,
                "{end:?}: {fault:?}"
            );
            assert_eq!(rest, b"rest", "{end:?} ended the data");
            assert!(content.len() < wire.len());
        }
        check_fault("a\n.\nb\r\n.\r\nc", Fault::BareLf, "c");
        check_fault("a\r.\rb\r\n.\r\nc", Fault::BareCr, "c");
        check_fault("a\u{0}\r\n.\r\nc", Fault::Nul, "c");
        check_fault("a\u{0}\nb\r\n.\r\nc", Fault::BareLf, "c");
    }

    #[test]
    fn a_true_end_behind_a_bare_cr_is_the_end() {
        check_fault("a\r\r\n.\r\nc", Fault::BareCr, "c");
    }

    #[test]
    fn too_many_octets_and_hops_are_refused() {
        let long = format!("{}\r\n.\r\nrest", "x".repeat(2 << 20));
        check_fault(&long[long.len() - (1 << 20) - 200..], Fault::TooBig, "rest");
        let hops = |n| "received: x\r\n".repeat(n) + "\r\n.\r\n";
        assert!(decode(hops(50).as_bytes(), 10).1.unwrap().is_ok());
        check_fault(&hops(51), Fault::Loop, "");
        let in_body = format!("\r\n{}", hops(51));
        assert!(decode(in_body.as_bytes(), 10).1.unwrap().is_ok());
    }

    #[test]
    fn octets_beyond_ascii_are_noticed() {
        let seen = |wire: &str| {
            let summary = decode(wire.as_bytes(), 2).1.unwrap().unwrap();
            (summary.eight_bit, summary.eight_bit_header)
        };
        assert_eq!(seen("A: b\r\n\r\nc\r\n.\r\n"), (false, false));
        assert_eq!(seen("A: b\r\n\r\nç\r\n.\r\n"), (true, false));
        assert_eq!(seen("A: ß\r\n\r\nc\r\n.\r\n"), (true, true));
    }

    proptest! {
        #[test]
        fn what_is_stuffed_is_unstuffed(lines in prop::collection::vec("[.a]{0,4}", 0..20), step in 1_usize..9) {
            let content: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let (mut stuffer, mut wire) = (DotStuffer::new(), Vec::new());
            for piece in content.as_bytes().chunks(step) {
                stuffer.push(piece, &mut wire);
            }
            stuffer.finish(&mut wire);
            let (got, end, rest) = decode(&wire, step);
            prop_assert_eq!(String::from_utf8(got).unwrap(), content);
            prop_assert!(end.unwrap().is_ok());
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn only_the_true_end_of_data_ends_it(noise in "[\r\n.a\u{0}]{0,60}", step in 1_usize..9) {
            let wire = format!("{noise}\r\n.\r\n");
            let (_, end, rest) = decode(wire.as_bytes(), step);
            prop_assert!(end.is_some());
            let whole = format!("\r\n{wire}");
            let true_end = whole.find("\r\n.\r\n").unwrap() + 5;
            prop_assert_eq!(String::from_utf8(rest).unwrap(), &whole[true_end..]);
        }

        #[test]
        fn accepted_content_has_no_bare_line_end(noise in "[\r\n.a]{0,30}", step in 1_usize..9) {
            let (content, end, _) = decode(format!("{noise}\r\n.\r\n").as_bytes(), step);
            if end.unwrap().is_ok() {
                let text = String::from_utf8(content).unwrap().replace("\r\n", "");
                prop_assert!(!text.contains(['\r', '\n']));
            }
        }
    }
}
