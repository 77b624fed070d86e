//! Content ids as octets. Stores of content name most of one in hexadecimal
//! digits, which take half the room as octets.

use message::ContentId;

/// Added to a number of octets that stand for twice as many digits. Ids are
/// ASCII, so nothing else is as high.
const DIGITS: u8 = 0x80;

/// Shorter runs of digits stay as they are.
const SHORTEST: usize = 8;

/// The one form of an id in Redis.
pub(super) fn packed(id: &ContentId) -> Vec<u8> {
    let mut octets = Vec::with_capacity(id.as_str().len());
    let mut rest = id.as_str().as_bytes();
    while let Some(first) = rest.first() {
        let is_digit = |octet: &&u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
        let run = rest.iter().take_while(is_digit).count();
        let (digits, behind) = rest.split_at(run);
        if run < SHORTEST {
            octets.extend_from_slice(if run == 0 {
                std::slice::from_ref(first)
            } else {
                digits
            });
            rest = &rest[run.max(1)..];
            continue;
        }
        let (pairs, odd) = digits.as_chunks::<2>();
        octets.push(DIGITS + pairs.len() as u8);
        octets.extend(
            pairs
                .iter()
                .map(|[high, low]| value(*high) << 4 | value(*low)),
        );
        octets.extend_from_slice(odd);
        rest = behind;
    }
    octets
}

/// The id that these octets stand for.
pub(super) fn unpacked(octets: &[u8]) -> Option<ContentId> {
    let mut text = String::with_capacity(octets.len() * 2);
    let mut rest = octets;
    while let Some((&first, behind)) = rest.split_first() {
        rest = match first.checked_sub(DIGITS) {
            None => {
                text.push(char::from(first));
                behind
            }
            Some(count) => {
                let (packed, behind) = behind.split_at_checked(count.into())?;
                for octet in packed {
                    text.extend([octet >> 4, octet & 15].map(digit));
                }
                behind
            }
        };
    }
    text.parse().ok()
}

fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        letter => letter - b'a' + 10,
    }
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_octets_and_become_shorter() {
        let segment = "smtp-ingress.0190123456787abc8def0123456789ab.00012f40.00002711";
        let digits = "f".repeat(ContentId::MAX);
        for text in [
            segment,
            &digits,
            "content-12",
            "deadbeef1",
            "0123456",
            "A",
            "a.b-c_D",
        ] {
            let id: ContentId = text.parse().unwrap();
            assert_eq!(unpacked(&packed(&id)).unwrap(), id);
        }
        assert_eq!(packed(&segment.parse().unwrap()).len(), 42);
        assert_eq!(unpacked(&[0x82, 1]), None);
    }
}
