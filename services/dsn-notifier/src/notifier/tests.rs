//! What the service promises at each of its crash points, on the embedded store
//! and the file store.

mod refusing;
mod world;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use message::NoticeKind;
use station::{HandleError, Handler};
use store::StoreOptions;
use tokio_util::sync::CancellationToken;

use world::World;

/// How a process dies: after so many waits of `work`, before the last one ends
/// or when it has ended. None if it lived to see its end.
async fn crash<T>(waits: usize, late: bool, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut waited = 0;
    poll_fn(|context| {
        if late && waited == waits {
            return Poll::Ready(None);
        }
        match work.as_mut().poll(context) {
            Poll::Ready(end) => Poll::Ready(Some(end)),
            Poll::Pending => {
                waited += 1;
                if !late && waited == waits {
                    return Poll::Ready(None);
                }
                Poll::Pending
            }
        }
    })
    .await
}

/// How often a point is looked for. A store that answers at once is not waited
/// for, so a run may come to its end with fewer waits than the next.
const LOOKS: usize = 10;

/// Dies at every point there is, comes back an hour later, and looks.
async fn check_every_crash(late: bool) {
    for waits in 1..1000 {
        let mut died = false;
        for _ in 0..LOOKS {
            died = check_crash(waits, late).await;
            if died {
                break;
            }
        }
        if !died {
            assert!(waits > 5, "only {waits} points to crash at");
            return;
        }
    }
    panic!("it never came to its end");
}

/// Whether it died at that point; what must hold then holds either way.
async fn check_crash(waits: usize, late: bool) -> bool {
    let mut world = World::new().await;
    let notifier = world.notifier();
    let handled = crash(waits, late, notifier.handle(world.job(), &world.span())).await;
    drop(notifier);
    world.clock.advance(Duration::from_secs(3600));
    world.reopen().await;
    world.notify().await;
    let notices = world.notices().await;
    assert_eq!(notices.len(), 1, "notices after a crash at {waits}");
    let first = &notices[0];
    for copy in world.copies(first.id).await {
        assert_eq!(copy, world.octets(first.id).await, "a copy at {waits}");
    }
    assert!(world.is_told().await, "still owed after a crash at {waits}");
    handled.is_none()
}

#[tokio::test]
async fn a_crash_before_a_step_ends_repeats_the_same_notice() {
    check_every_crash(false).await;
}

#[tokio::test]
async fn a_crash_behind_a_step_repeats_the_same_notice() {
    check_every_crash(true).await;
}

#[tokio::test]
async fn a_notice_is_a_message_to_the_sender_from_nobody() {
    let world = World::new().await;
    world.notify().await;
    let [notice] = world.notices().await.try_into().unwrap();
    let entry = world.entry(notice.id).await;
    let acceptance = &entry.acceptance;
    assert!(acceptance.envelope.return_path.is_null());
    let to = acceptance.envelope.recipients[0].address.to_string();
    assert_eq!(to, "alice@example.org");
    let about = acceptance.notice_of.unwrap();
    assert_eq!(
        (about.message, about.kind),
        (world.message, NoticeKind::Failure)
    );
    assert_eq!(acceptance.trace.trace, notice.id);
    let octets = world.octets(notice.id).await;
    assert_eq!(acceptance.size, octets.len() as u64);
    let text = String::from_utf8(octets).unwrap();
    assert!(text.contains("From: Mail Delivery System <MAILER-DAEMON@example.org>\r\n"));
    assert!(
        text.contains("There is no mailbox with this address."),
        "{text}"
    );
    assert!(text.contains("Subject: Lunch on Friday\r\n"), "{text}");
    assert_eq!(world.next_published().await, notice.id);
}

#[tokio::test]
async fn a_job_on_the_topic_becomes_a_notice_for_the_router() {
    let world = World::new().await;
    let shutdown = CancellationToken::new();
    let config = World::config();
    let service = crate::run(&config, world.ports(), shutdown.clone());
    let look = async {
        world.publish().await;
        let notice = world.next_published().await;
        shutdown.cancel();
        notice
    };
    let ((), notice) = tokio::join!(service, look);
    assert_eq!(world.notices().await[0].id, notice);
}

#[tokio::test]
async fn tries_without_a_result_end_before_an_operator() {
    let world = World::new().await;
    let notifier = world.notifier();
    for _ in 0..=StoreOptions::default().max_tries {
        let counted = notifier.failed(world.job(), "the notice is too sad").await;
        assert_eq!(counted, Ok(()));
    }
    assert!(world.is_dead().await);
}

#[tokio::test]
async fn nothing_is_told_twice() {
    let world = World::new().await;
    world.notify().await;
    world.notify().await;
    assert_eq!(world.notices().await.len(), 1);
    assert_eq!(world.contents().await.len(), 2);
}

#[tokio::test]
async fn of_two_at_once_one_wins_and_no_content_is_left() {
    let world = World::new().await;
    let (one, other) = (world.notifier(), world.notifier());
    let (job, span) = (world.job(), world.span());
    let (one, other) = tokio::join!(one.handle(job, &span), other.handle(job, &span));
    assert_eq!((one, other), (Ok(()), Ok(())));
    assert_eq!(world.notices().await.len(), 1);
    assert!(world.unaccounted().await.is_empty());
}

#[tokio::test]
async fn a_sender_is_told_even_when_the_message_is_gone() {
    let world = World::new().await;
    world.lose_the_message().await;
    world.notify().await;
    let [notice] = world.notices().await.try_into().unwrap();
    let text = String::from_utf8(world.octets(notice.id).await).unwrap();
    assert!(text.contains("not be read any more"), "{text}");
    assert!(!text.contains("rfc822-headers"), "{text}");
}

#[tokio::test]
async fn a_whole_message_is_returned_with_its_prefix() {
    let world = World::returning_all(90 << 10).await;
    world.notify().await;
    let [notice] = world.notices().await.try_into().unwrap();
    let octets = world.octets(notice.id).await;
    let original = world.original();
    let found = octets.windows(original.len()).any(|part| part == original);
    assert!(found, "{}", String::from_utf8_lossy(&octets));
}

#[tokio::test]
async fn a_message_over_the_limit_is_not_returned_whole() {
    let world = World::returning_all(200 << 10).await;
    world.notify().await;
    let [notice] = world.notices().await.try_into().unwrap();
    let octets = world.octets(notice.id).await;
    assert!(octets.len() < 10_000, "{} octets", octets.len());
}

/// Has the notice job handled while time passes.
async fn handle(world: &World) -> Result<(), HandleError> {
    let notifier = world.notifier();
    let (job, span) = (world.job(), world.span());
    let time_passes = async {
        loop {
            world.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        handled = notifier.handle(job, &span) => handled,
        () = time_passes => unreachable!("time goes on for ever"),
    }
}

#[tokio::test]
async fn while_the_message_cannot_be_read_the_job_waits() {
    let mut world = World::new().await;
    let content = world.cut_off_content();
    let handled = handle(&world).await;
    let away = matches!(handled, Err(HandleError::Unavailable(_)));
    assert!(away, "{handled:?}");
    content.come_back();
    world.notify().await;
    let [notice] = world.notices().await.try_into().unwrap();
    let text = String::from_utf8(world.octets(notice.id).await).unwrap();
    assert!(text.contains("Subject: Lunch on Friday\r\n"), "{text}");
}

#[tokio::test]
async fn while_nothing_can_be_written_the_job_waits() {
    let mut world = World::new().await;
    let content = world.refuse_content();
    let handled = handle(&world).await;
    let away = matches!(handled, Err(HandleError::Unavailable(_)));
    assert!(away, "{handled:?}");
    assert!(world.unaccepted().await);
    content.relent();
    world.notify().await;
    assert_eq!(world.notices().await.len(), 1);
}
