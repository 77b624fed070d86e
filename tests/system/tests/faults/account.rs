//! Load on a house, and where every message of it ended.

use anyhow::{Result, ensure};
use system::{Copies, Entrance, House, Remote, Tally};

/// Four clients: two as other servers to the MX port, two submitting.
pub(crate) fn entrances(house: &House) -> Vec<Entrance> {
    let [alice, bob] = house.accounts().map(|account| account.address.clone());
    let remote = |name: &str| format!("{name}@sink.test");
    let incoming = Entrance {
        server: house.mx(),
        login: None,
        from: remote("dave"),
        to: vec![vec![alice.clone()], vec![alice.clone(), bob.clone()]],
    };
    let outgoing = Entrance {
        server: house.submission(),
        login: Some((alice.clone(), house.accounts()[0].password.clone())),
        from: alice,
        to: vec![
            vec![remote("carol")],
            vec![bob, remote("erin")],
            vec![remote("carol"), remote("frank")],
        ],
    };
    vec![incoming.clone(), incoming, outgoing.clone(), outgoing]
}

/// Waits until nothing is in flight. Then nothing that got 250 may be missing,
/// nothing be doubled in a mailbox, and nobody have been told of a failure.
/// Gives how many copies the remote server has more than once.
pub(crate) async fn settle(house: &House, remote: &Remote, tally: &Tally) -> Result<usize> {
    house.wait_until_settled().await?;
    let addresses = house.accounts().map(|account| account.address.as_str());
    let local = Copies::in_mailboxes(house, &addresses).await?;
    let relayed = Copies::at(&remote.sink);
    let accepted = tally.accepted();
    let copies = accepted.iter().flat_map(|(number, recipients)| {
        let number = *number;
        recipients.iter().map(move |recipient| (number, recipient))
    });
    let missing: Vec<_> = copies
        .filter(|(number, to)| local.of(*number, to) + relayed.of(*number, to) == 0)
        .collect();
    println!(
        "accepted {}, refused {}, unanswered {}; delivered {}, doubled {}; relayed {}, doubled {}; missing {}",
        accepted.len(),
        tally.refused(),
        tally.broken(),
        local.count(),
        local.doubled(),
        relayed.count(),
        relayed.doubled(),
        missing.len()
    );
    ensure!(missing.is_empty(), "missing: {missing:?}");
    ensure!(local.doubled() == 0, "doubled in a mailbox");
    let mut notices = 0;
    for address in addresses {
        notices += house.inbox(address).await?.len();
    }
    ensure!(notices == local.count(), "somebody got a notice");
    Ok(relayed.doubled())
}
