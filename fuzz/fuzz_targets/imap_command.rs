//! Commands of IMAP: what is read is read again from its strictest spelling.
#![no_main]

use imap::{NameEncoding, Tagged};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((setting, command)) = input.split_first() else {
        return;
    };
    let names = match setting & 1 {
        0 => NameEncoding::Utf7,
        _ => NameEncoding::Utf8,
    };
    match Tagged::parse(command, names) {
        Ok(tagged) => {
            let mut written = Vec::new();
            tagged.write(&mut written, names);
            assert_eq!(Tagged::parse(&written, names), Ok(tagged));
        }
        Err(malformed) => {
            let text = malformed.to_string();
            assert!(text.is_ascii() && !text.contains(char::is_control), "{text:?}");
        }
    }
});
