//! The encodings of DSN parameters: decode, encode and decode agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp::xtext;

fuzz_target!(|text: &str| {
    let encoded = xtext::encode(text);
    assert!(encoded.bytes().all(|b| b.is_ascii_graphic() && b != b'='));
    assert_eq!(xtext::decode(&encoded).as_deref(), Some(text));
    if let Some(decoded) = xtext::decode(text) {
        assert!(decoded.len() <= text.len());
        assert_eq!(xtext::decode(&xtext::encode(&decoded)), Some(decoded));
    }

    for smtputf8 in [false, true] {
        let encoded = xtext::encode_utf8_address(text, smtputf8);
        assert!(smtputf8 || encoded.is_ascii());
        assert!(!encoded.contains([' ', '=', '+']));
        assert_eq!(xtext::decode_utf8_address(&encoded).as_deref(), Some(text));
    }
    if let Some(decoded) = xtext::decode_utf8_address(text) {
        assert!(decoded.len() <= text.len());
    }
});
