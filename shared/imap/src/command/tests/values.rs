//! Random commands.

use jiff::civil::Date;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::super::*;
use crate::fetch::*;
use crate::flag::{Flag, Keyword};
use crate::list::*;
use crate::search::*;
use crate::sequence_set::SequenceSet;
use crate::sort::*;

pub(super) fn tagged() -> impl Strategy<Value = Tagged> {
    let tag = "[a-zA-Z0-9.]{1,8}".prop_map(|tag| Tag::new(tag.as_bytes()).unwrap());
    (tag, command()).prop_map(|(tag, command)| Tagged { tag, command })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        session(),
        mailboxes(),
        listing(),
        messages_commands(),
        searching(),
    ]
}

fn session() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(Command::Capability),
        Just(Command::Logout),
        Just(Command::Compress),
        (text(), text()).prop_map(|(user, password)| Command::Login {
            user,
            password: Secret::new(password)
        }),
        option::of("[a-zA-Z0-9+/]{4,12}").prop_map(|initial| Command::Authenticate {
            mechanism: "PLAIN".into(),
            initial: initial.map(Secret::new),
        }),
        vec((text(), option::of(text())), 0..4).prop_map(Command::Id),
        vec(extension(), 1..4).prop_map(Command::Enable),
    ]
}

fn extension() -> impl Strategy<Value = Extension> {
    prop_oneof![
        Just(Extension::Imap4Rev2),
        Just(Extension::Condstore),
        Just(Extension::Qresync),
        Just(Extension::Utf8Accept),
        Just(Extension::Other("X-OTHER".into())),
    ]
}

fn mailboxes() -> impl Strategy<Value = Command> {
    prop_oneof![
        select().prop_map(Command::Select),
        select().prop_map(Command::Examine),
        (mailbox(), vec(special_use(), 0..3), any::<bool>()).prop_map(
            |(mailbox, uses, unknown_use)| Command::Create {
                mailbox,
                uses,
                unknown_use
            }
        ),
        mailbox().prop_map(Command::Delete),
        (mailbox(), mailbox()).prop_map(|(from, to)| Command::Rename { from, to }),
        mailbox().prop_map(Command::Subscribe),
        (mailbox(), vec(status_item(), 1..4))
            .prop_map(|(mailbox, items)| Command::Status { mailbox, items }),
        text().prop_map(Command::GetQuota),
        (text(), vec(("[A-Z]{1,8}", 0..=i64::MAX as u64), 0..3))
            .prop_map(|(root, limits)| Command::SetQuota { root, limits }),
    ]
}

fn select() -> impl Strategy<Value = Select> {
    let matches = option::of((set(), set()));
    let qresync = (1_u32.., 0..=i64::MAX as u64, option::of(set()), matches).prop_map(
        |(uid_validity, modseq, known_uids, matches)| Qresync {
            uid_validity,
            modseq,
            known_uids,
            matches,
        },
    );
    (mailbox(), any::<bool>(), option::of(qresync)).prop_map(|(mailbox, condstore, qresync)| {
        Select {
            mailbox,
            condstore,
            qresync,
        }
    })
}

fn listing() -> impl Strategy<Value = Command> {
    let selection =
        any::<(bool, bool, bool)>().prop_map(|(subscribed, remote, special_use)| ListSelection {
            subscribed,
            remote,
            special_use,
            recursive_match: subscribed,
        });
    let returns = (any::<(bool, bool, bool)>(), vec(status_item(), 0..3)).prop_map(
        |((subscribed, children, special_use), status)| ListReturn {
            subscribed,
            children,
            special_use,
            status,
        },
    );
    let patterns = vec(pattern(), 1..3);
    let list = (
        selection,
        pattern(),
        patterns,
        option::of(returns),
        any::<bool>(),
    );
    prop_oneof![
        list.prop_map(|(selection, reference, patterns, returns, several)| {
            Command::List(List {
                selection,
                reference,
                several: several || patterns.len() > 1,
                patterns,
                returns,
            })
        }),
        (pattern(), pattern())
            .prop_map(|(reference, pattern)| Command::Lsub { reference, pattern }),
    ]
}

fn messages_commands() -> impl Strategy<Value = Command> {
    let modifiers = option::of(0..=i64::MAX as u64).prop_map(|changed_since| FetchModifiers {
        changed_since,
        vanished: false,
    });
    let fetch = (
        any::<bool>(),
        messages(),
        vec(fetch_item(), 1..4),
        modifiers,
    );
    let mode = prop_oneof![
        Just(StoreMode::Replace),
        Just(StoreMode::Add),
        Just(StoreMode::Remove)
    ];
    let since = option::of(0..=i64::MAX as u64);
    let store = (
        any::<(bool, bool)>(),
        messages(),
        since,
        mode,
        vec(flag(), 0..4),
    );
    prop_oneof![
        fetch.prop_map(|(uid, messages, items, modifiers)| Command::Fetch(Fetch {
            uid,
            messages,
            items,
            modifiers
        })),
        store.prop_map(|((uid, silent), messages, unchanged_since, mode, flags)| {
            Command::Store(Store {
                uid,
                messages,
                unchanged_since,
                mode,
                silent,
                flags,
            })
        }),
        (any::<bool>(), messages(), mailbox()).prop_map(|(uid, messages, mailbox)| {
            Command::Copy(Transfer {
                uid,
                messages,
                mailbox,
            })
        }),
        messages().prop_map(Command::UidExpunge),
    ]
}

fn fetch_item() -> impl Strategy<Value = FetchItem> {
    let fields = || vec("[A-Z-]{1,9}|[ -~&&[^a-z]]{1,9}".prop_map(Box::from), 1..3);
    let text = option::of(prop_oneof![
        Just(SectionText::Header),
        Just(SectionText::Text),
        fields().prop_map(SectionText::Fields),
        fields().prop_map(SectionText::FieldsNot),
    ]);
    let partial =
        || option::of((0_u32.., 1_u32..).prop_map(|(offset, length)| Partial { offset, length }));
    prop_oneof![
        Just(FetchItem::BodyStructure),
        Just(FetchItem::Flags),
        Just(FetchItem::Rfc822Header),
        (any::<bool>(), part(), text, partial()).prop_map(|(peek, part, text, partial)| {
            FetchItem::Section {
                peek,
                section: Section { part, text },
                partial,
            }
        }),
        (any::<bool>(), part(), partial()).prop_map(|(peek, part, partial)| FetchItem::Binary {
            peek,
            part,
            partial
        }),
        part().prop_map(FetchItem::BinarySize),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    vec(1_u32.., 0..4).prop_map(|part| Part(part.into()))
}

fn searching() -> impl Strategy<Value = Command> {
    let returns = option::of(any::<(bool, bool, bool, bool)>().prop_map(
        |(min, max, count, save)| SearchReturn {
            min,
            max,
            count,
            save,
            all: !(min || max || count || save),
        },
    ));
    let criterion = (any::<bool>(), proptest::sample::select(&SortKey::ALL[..]))
        .prop_map(|(reverse, key)| SortCriterion { reverse, key });
    let algorithm = prop_oneof![
        Just(ThreadAlgorithm::References),
        Just(ThreadAlgorithm::OrderedSubject)
    ];
    prop_oneof![
        (any::<bool>(), returns, key()).prop_map(|(uid, returns, key)| Command::Search(Search {
            uid,
            returns,
            key
        })),
        (any::<bool>(), vec(criterion, 1..3), key())
            .prop_map(|(uid, criteria, key)| Command::Sort(Sort { uid, criteria, key })),
        (any::<bool>(), algorithm, key()).prop_map(|(uid, algorithm, key)| {
            Command::Thread(Thread {
                uid,
                algorithm,
                key,
            })
        }),
    ]
}

fn key() -> impl Strategy<Value = SearchKey> {
    let leaf = prop_oneof![
        Just(SearchKey::All),
        Just(SearchKey::SaveDateSupported),
        messages().prop_map(SearchKey::Numbers),
        messages().prop_map(SearchKey::Uids),
        flag().prop_map(SearchKey::Flag),
        text().prop_map(SearchKey::From),
        text().prop_map(SearchKey::Text),
        (text(), text()).prop_map(|(field, text)| SearchKey::Header(field, text)),
        date().prop_map(SearchKey::Before),
        date().prop_map(SearchKey::SavedOn),
        (0..=i64::MAX as u64).prop_map(SearchKey::Larger),
        (1_u32..).prop_map(SearchKey::Younger),
        (0..=i64::MAX as u64).prop_map(SearchKey::Modseq),
    ];
    leaf.prop_recursive(4, 20, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(SearchKey::And),
            inner.clone().prop_map(|key| SearchKey::Not(Box::new(key))),
            (inner.clone(), inner).prop_map(|both| SearchKey::Or(Box::new(both))),
        ]
    })
}

fn date() -> impl Strategy<Value = Date> {
    (0_i16..9999, 1_i8..13, 1_i8..29)
        .prop_map(|(year, month, day)| Date::new(year, month, day).unwrap())
}

fn flag() -> impl Strategy<Value = Flag> {
    prop_oneof![
        Just(Flag::Seen),
        Just(Flag::Deleted),
        "[$a-zA-Z0-9_.-]{1,12}".prop_map(|word| Flag::Keyword(Keyword::new(&word).unwrap())),
    ]
}

fn messages() -> impl Strategy<Value = Messages> {
    prop_oneof![
        1 => Just(Messages::Saved),
        9 => "([1-9][0-9]{0,8}|\\*)(:([1-9][0-9]{0,8}|\\*))?(,[1-9][0-9]{0,8}(:[1-9]{1,9})?){0,3}"
            .prop_map(|set| Messages::Set(set.parse().unwrap())),
    ]
}

fn set() -> impl Strategy<Value = SequenceSet> {
    "[1-9][0-9]{0,8}(:[1-9][0-9]{0,8})?(,[1-9]{1,9})?".prop_map(|set| set.parse().unwrap())
}

fn status_item() -> impl Strategy<Value = StatusItem> {
    proptest::sample::select(&StatusItem::ALL[..])
}

fn special_use() -> impl Strategy<Value = SpecialUse> {
    proptest::sample::select(&SpecialUse::ALL[..])
}

fn mailbox() -> impl Strategy<Value = MailboxName> {
    "[^\u{0}]{0,20}|[a-z/]{1,9}".prop_map(|name| MailboxName::new(&name))
}

fn pattern() -> impl Strategy<Value = Pattern> {
    "[^\u{0}]{0,10}|[a-z/*%]{0,9}".prop_map(|pattern| Pattern::new(&pattern))
}

/// Any text but NUL.
fn text() -> impl Strategy<Value = String> {
    "[^\u{0}]{0,20}|[ -~]{0,20}|[a-z]{1,9}"
}
