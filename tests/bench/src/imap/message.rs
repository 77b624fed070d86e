//! The messages that are appended and read.

use crate::content::{Sizes, fill};

/// A word that each hundredth message has in its text.
const RARE: &str = "pneumatic";

/// A message with the header fields that clients show.
pub(super) fn message(number: u64, sizes: &Sizes) -> Vec<u8> {
    let text = match number % 100 {
        0 => RARE,
        _ => "ordinary",
    };
    let second = number % 60;
    let mut message = format!(
        "From: \"Sender {number}\" <sender{number}@sender.example>\r\n\
         To: \"Reader\" <reader@bench.example>\r\n\
         Subject: message {number}\r\n\
         Date: Mon, 23 Nov 2026 12:00:{second:02} +0000\r\n\
         Message-ID: <{number}@sender.example>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n\
         An {text} message.\r\n"
    )
    .into_bytes();
    fill(&mut message, sizes.of(number));
    message
}
