//! SEARCH, SORT and THREAD as a client writes them.

use super::Line;
use crate::date::format_date;
use crate::flag::Flag;
use crate::list::chosen;
use crate::search::{Search, SearchKey, SearchReturn};
use crate::sort::{Sort, SortCriterion, Thread};

impl Line<'_> {
    pub(super) fn search(&mut self, search: &Search) {
        self.word(if search.uid { "UID SEARCH " } else { "SEARCH " });
        if let Some(returns) = search.returns {
            self.word(&format!("RETURN ({}) ", print_returns(returns)));
        }
        self.keys(&search.key);
    }

    pub(super) fn sort(&mut self, sort: &Sort) {
        self.word(if sort.uid { "UID SORT " } else { "SORT " });
        self.spaced(&sort.criteria, |line, SortCriterion { reverse, key }| {
            line.word(if *reverse { "REVERSE " } else { "" });
            line.word(key.name());
        });
        self.word(" UTF-8 ");
        self.keys(&sort.key);
    }

    pub(super) fn thread(&mut self, thread: &Thread) {
        self.word(if thread.uid { "UID THREAD " } else { "THREAD " });
        self.word(thread.algorithm.name());
        self.word(" UTF-8 ");
        self.keys(&thread.key);
    }

    fn keys(&mut self, key: &SearchKey) {
        match key {
            SearchKey::And(keys) if keys.len() > 1 => {
                for (at, key) in keys.iter().enumerate() {
                    self.word(if at == 0 { "" } else { " " });
                    self.key(key);
                }
            }
            key => self.key(key),
        }
    }

    fn key(&mut self, key: &SearchKey) {
        match key {
            SearchKey::All => self.word("ALL"),
            SearchKey::And(keys) => self.spaced(keys, Self::key),
            SearchKey::Or(both) => {
                self.word("OR ");
                self.key(&both.0);
                self.word(" ");
                self.key(&both.1);
            }
            SearchKey::Not(key) => {
                self.word("NOT ");
                self.key(key);
            }
            SearchKey::Numbers(messages) => self.word(&messages.to_string()),
            SearchKey::Uids(messages) => self.word(&format!("UID {messages}")),
            SearchKey::Flag(flag) => self.flag(flag),
            SearchKey::Recent => self.word("RECENT"),
            SearchKey::Bcc(text) => self.text("BCC", text),
            SearchKey::Cc(text) => self.text("CC", text),
            SearchKey::From(text) => self.text("FROM", text),
            SearchKey::To(text) => self.text("TO", text),
            SearchKey::Subject(text) => self.text("SUBJECT", text),
            SearchKey::Body(text) => self.text("BODY", text),
            SearchKey::Text(text) => self.text("TEXT", text),
            SearchKey::EmailId(text) => self.text("EMAILID", text),
            SearchKey::ThreadId(text) => self.text("THREADID", text),
            SearchKey::Header(field, text) => {
                self.text("HEADER", field);
                self.text("", text);
            }
            SearchKey::Before(day) => self.word(&format!("BEFORE {}", format_date(*day))),
            SearchKey::On(day) => self.word(&format!("ON {}", format_date(*day))),
            SearchKey::Since(day) => self.word(&format!("SINCE {}", format_date(*day))),
            SearchKey::SentBefore(day) => self.word(&format!("SENTBEFORE {}", format_date(*day))),
            SearchKey::SentOn(day) => self.word(&format!("SENTON {}", format_date(*day))),
            SearchKey::SentSince(day) => self.word(&format!("SENTSINCE {}", format_date(*day))),
            SearchKey::SavedBefore(day) => self.word(&format!("SAVEDBEFORE {}", format_date(*day))),
            SearchKey::SavedOn(day) => self.word(&format!("SAVEDON {}", format_date(*day))),
            SearchKey::SavedSince(day) => self.word(&format!("SAVEDSINCE {}", format_date(*day))),
            SearchKey::SaveDateSupported => self.word("SAVEDATESUPPORTED"),
            SearchKey::Larger(size) => self.word(&format!("LARGER {size}")),
            SearchKey::Smaller(size) => self.word(&format!("SMALLER {size}")),
            SearchKey::Older(seconds) => self.word(&format!("OLDER {seconds}")),
            SearchKey::Younger(seconds) => self.word(&format!("YOUNGER {seconds}")),
            SearchKey::Modseq(modseq) => self.word(&format!("MODSEQ {modseq}")),
        }
    }

    fn flag(&mut self, flag: &Flag) {
        match flag {
            Flag::Seen => self.word("SEEN"),
            Flag::Answered => self.word("ANSWERED"),
            Flag::Flagged => self.word("FLAGGED"),
            Flag::Deleted => self.word("DELETED"),
            Flag::Draft => self.word("DRAFT"),
            Flag::Keyword(keyword) => {
                self.word("KEYWORD ");
                self.word(keyword.as_str());
            }
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        self.word(name);
        self.word(" ");
        self.astring(text);
    }
}

fn print_returns(returns: SearchReturn) -> String {
    chosen([
        (returns.min, "MIN"),
        (returns.max, "MAX"),
        (returns.all, "ALL"),
        (returns.count, "COUNT"),
        (returns.save, "SAVE"),
    ])
}
