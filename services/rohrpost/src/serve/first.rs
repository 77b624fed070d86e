//! The very first start: a domain with two accounts to try the house with.

use message::{Address, Domain, Randomness};
use station::SystemRandomness;
use web_gateway::api::{NewAccount, Password};

use super::facade::Facade;
use crate::Failure;
use crate::operator::Client;

/// Nobody's on the internet (RFC 6761 §6.2), so that no trial mail strays.
const DOMAIN: &str = "rohrpost.test";

/// Makes the first domain and its accounts unless there is a domain; the
/// passwords stand in the returned text and nowhere else.
pub(super) async fn furnish(house: &Facade) -> Result<Option<String>, Failure> {
    let client = house.client()?;
    if !client.domains().first_page().await?.is_empty() {
        return Ok(None);
    }
    let domain: Domain = DOMAIN.parse().expect("a domain");
    let [alice, bob] = ["alice", "bob"].map(|name| address(name, &domain));
    client.add_domain(domain, alice.clone(), None).await?;
    let alice_password = open_account(&client, &alice).await?;
    let bob_password = open_account(&client, &bob).await?;
    Ok(Some(instructions(
        house,
        [(&alice, &alice_password), (&bob, &bob_password)],
    )))
}

fn address(name: &str, domain: &Domain) -> Address {
    let local_part = name.parse().expect("a dot-string");
    Address::new(local_part, domain.clone())
}

async fn open_account(client: &Client, address: &Address) -> Result<String, Failure> {
    let password = draw_password();
    let account = NewAccount {
        address: address.clone(),
        password: Password::new(password.clone()),
        quota: None,
        message_quota: None,
    };
    client.add_account(&account).await?;
    Ok(password)
}

/// 80 random bits in letters and digits that nobody confuses.
fn draw_password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut octets = [0; 16];
    SystemRandomness.fill(&mut octets);
    let letter = |octet: u8| char::from(LETTERS[usize::from(octet) % LETTERS.len()]);
    octets.into_iter().map(letter).collect()
}

fn instructions(house: &Facade, accounts: [(&Address, &str); 2]) -> String {
    let [(alice, alice_password), (bob, bob_password)] = accounts;
    let command = house.command();
    let submission = house.submission();
    let send = submission.map_or_else(String::new, |at| {
        format!(
            "\nSend a message (from a second terminal):\n\n    \
             swaks --server {at} --tls --auth PLAIN --auth-user {alice} --auth-password \
             '{alice_password}' --from {alice} --to {bob}\n"
        )
    });
    format!(
        "\nThis is the first start: there is now a domain {DOMAIN} with two accounts.\n\
         Their passwords are shown this once:\n\n    \
         {alice}  {alice_password}\n    {bob}    {bob_password}\n\
         {send}\n\
         Read it, and follow it by the id in the 250 reply:\n\n    \
         {command} message list {bob}\n    \
         {command} message show {bob} 1\n    \
         {command} trace MESSAGE-ID\n\n\
         Then add a domain of your own; {command} help says how:\n\n    \
         {command} domain add example.org --postmaster you@example.org\n    \
         {command} account add you@example.org --password-file -\n"
    )
}
