//! mailbox-access: IMAP and POP3.
