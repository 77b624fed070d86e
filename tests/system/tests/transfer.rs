//! Mailboxes brought along and taken along, and accounts by the table.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use system::{Broker, House, Plan};
use tempfile::TempDir;

/// A Maildir with messages of flags, dates and line ends of all kinds.
fn make_maildir(path: &Path) -> Result<()> {
    for folder in ["cur", "new", "tmp"] {
        fs::create_dir_all(path.join(folder))?;
    }
    for (number, (name, text)) in [
        ("cur/1.M1.host:2,FS", "Subject: one\n\nFrom here\n.\n"),
        ("cur/2.M2.host:2,R", "Subject: two\r\n\r\nhello\r\n"),
        ("new/3.M3.host", "Subject: three\n\nno end of line"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = path.join(name);
        fs::write(&file, text)?;
        let date =
            std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 + number as u64);
        fs::File::options()
            .write(true)
            .open(&file)?
            .set_modified(date)?;
    }
    Ok(())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test]
async fn a_mailbox_goes_around_unchanged() -> Result<()> {
    goes_around(House::start().await?).await
}

#[tokio::test]
async fn a_mailbox_goes_around_where_services_are_processes() -> Result<()> {
    goes_around(Plan::new()?.over(Broker::Nats).start().await?).await
}

async fn goes_around(house: House) -> Result<()> {
    let [_, bob] = house.accounts();
    let folder = TempDir::new()?;
    let (source, mbox, copy) = (
        folder.path().join("source"),
        folder.path().join("mbox"),
        folder.path().join("copy"),
    );
    make_maildir(&source)?;
    let import = |from: &Path, mailbox: &str| {
        [
            "mailbox",
            "import",
            &bob.address,
            &text(from),
            "--mailbox",
            mailbox,
        ]
        .map(str::to_owned)
    };
    let tell = async |arguments: &[String]| {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        house.tell(&arguments).await
    };
    let said = tell(&import(&source, "Old/Mail")).await?;
    ensure!(said.starts_with("3 messages imported"), "{said}");
    let said = tell(&import(&source, "Old/Mail")).await?;
    ensure!(said.contains("0 messages imported"), "{said}");
    ensure!(said.contains("3 were there already"), "{said}");

    let listed = house
        .json(&["message", "list", &bob.address, "--mailbox", "Old/Mail"])
        .await?;
    let flags: Vec<_> = listed.iter().map(|one| one["flags"].to_string()).collect();
    ensure!(
        flags == [r#"["\\Seen","\\Flagged"]"#, r#"["\\Answered"]"#, "[]"],
        "{flags:?}"
    );
    ensure!(
        listed[0]["received"] == "1970-01-12T13:46:40Z",
        "{listed:?}"
    );

    let export = |into: &Path, mailbox: &str, format: &str| {
        let into = text(into);
        [
            "mailbox",
            "export",
            &bob.address,
            &into,
            "--mailbox",
            mailbox,
            "--format",
            format,
        ]
        .map(str::to_owned)
    };
    tell(&export(&mbox, "Old/Mail", "mbox")).await?;
    let again = tell(&export(&mbox, "Old/Mail", "mbox")).await?;
    ensure!(again.starts_with("0 messages exported"), "{again}");
    tell(&import(&mbox, "Copy")).await?;
    tell(&export(&copy, "Copy", "maildir")).await?;
    let again = tell(&export(&copy, "Copy", "maildir")).await?;
    ensure!(again.contains("3 were there already"), "{again}");
    let mut texts = Vec::new();
    for file in fs::read_dir(copy.join("cur"))? {
        texts.push(fs::read_to_string(file?.path())?);
    }
    texts.sort();
    ensure!(
        texts
            == [
                "Subject: one\n\nFrom here\n.\n",
                "Subject: three\n\nno end of line\n",
                "Subject: two\n\nhello\n",
            ],
        "{texts:?}"
    );
    house.tell(&["check"]).await?;
    Ok(())
}

#[tokio::test]
async fn accounts_are_imported_and_can_log_in() -> Result<()> {
    let house = House::start().await?;
    let folder = TempDir::new()?;
    let table = folder.path().join("accounts.csv");
    fs::write(
        &table,
        "address,password,quota\ncarl@rohrpost.test,correct horse,1 MiB\n\
         dora@rohrpost.test,,\nemil@elsewhere.test,correct horse,\n",
    )?;
    let import = ["account", "import", &text(&table)];
    let output = house.run(&import, "").await?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status == Some(1), "{said}{}", output.stderr);
    ensure!(said.contains("2 accounts added"), "{said}");
    let told = &output.stderr;
    ensure!(told.contains("line 4: emil@elsewhere.test"), "{told}");
    let client =
        system::Client::submission(house.submission(), "carl@rohrpost.test", "correct horse");
    client.await?;
    let refused = system::Client::submission(house.submission(), "dora@rohrpost.test", "!").await;
    ensure!(refused.is_err());
    let records = house
        .tell(&["domain", "dns-records", "rohrpost.test"])
        .await?;
    ensure!(records.contains("MX"), "{records}");
    Ok(())
}
