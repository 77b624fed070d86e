//! `rohrpost` as a process: what it prints, refuses and leaves behind.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything here takes on a machine under load.
const DEADLINE: Duration = Duration::from_secs(60);

fn rohrpost() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
    command.stdin(Stdio::null()).env_remove("ROHRPOST_CONFIG");
    command
}

/// A `serve` on free ports.
struct Server {
    child: Child,
    lines: Receiver<String>,
    url: String,
    data: PathBuf,
}

impl Server {
    fn start(data: &Path) -> Self {
        let child = rohrpost()
            .arg("--data")
            .arg(data)
            .env("ROHRPOST__SMTP__MX", r#"["127.0.0.1:0"]"#)
            .env("ROHRPOST__SMTP__SUBMISSION", r#"["127.0.0.1:0"]"#)
            .env("ROHRPOST__SMTP__SUBMISSIONS", r#"["127.0.0.1:0"]"#)
            .env("ROHRPOST__IMAP__STARTTLS", r#"["127.0.0.1:0"]"#)
            .env("ROHRPOST__IMAP__TLS", r#"["127.0.0.1:0"]"#)
            .env("ROHRPOST__POP3__STARTTLS", r#"["127.0.0.1:0"]"#)
            .env("ROHRPOST__POP3__TLS", r#"["127.0.0.1:0"]"#)
            .env("ROHRPOST__WEB__LISTEN", "127.0.0.1:0")
            .env("ROHRPOST__DNS__NAMESERVERS", r#"["127.0.0.1:9"]"#)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let mut server = Self {
            child,
            lines,
            url: String::new(),
            data: data.to_owned(),
        };
        let line = server.line_with("admin API");
        server.url = line.split_whitespace().last().unwrap().to_owned();
        server
    }

    /// The next line of standard output that has `text` in it.
    fn line_with(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(DEADLINE).expect(text);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Runs an operator's command against this server.
    fn command(&self, arguments: &[&str]) -> Output {
        self.prepare(arguments).output().unwrap()
    }

    fn prepare(&self, arguments: &[&str]) -> Command {
        let mut command = rohrpost();
        command
            .arg("--data")
            .arg(&self.data)
            .args(["--url", &self.url])
            .args(arguments);
        command
    }

    /// What a command that must succeed prints.
    #[track_caller]
    fn told(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Ends the server as an operator does, and returns its exit status.
    fn stop(mut self) -> Option<i32> {
        let pid = Pid::from_raw(self.child.id() as i32).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn check_refusal(output: &Output, status: i32, words: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{errors}");
    assert!(errors.contains(words), "{words:?} in {errors:?}");
}

#[test]
fn the_first_start_furnishes_and_the_next_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = Server::start(&data);
    let swaks = server.line_with("swaks --server");
    assert!(
        swaks.contains("--from alice@rohrpost.test --to bob@rohrpost.test"),
        "{swaks}"
    );
    let accounts = server.told(&["account", "list"]);
    assert!(accounts.contains("alice@rohrpost.test") && accounts.contains("bob@rohrpost.test"));
    assert!(server.told(&["check"]).contains("nothing is lost"));

    check_refusal(
        &rohrpost().arg("--data").arg(&data).output().unwrap(),
        1,
        &format!(
            "is in use by another rohrpost (process {})",
            server.child.id()
        ),
    );
    assert_eq!(server.stop(), Some(0));

    let server = Server::start(&data);
    assert!(server.told(&["domain", "list"]).contains("rohrpost.test"));
    server.told(&[
        "domain",
        "add",
        "example.org",
        "--postmaster",
        "alice@rohrpost.test",
    ]);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn the_operator_edits_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    server.line_with("This is the first start");
    server.told(&[
        "domain",
        "add",
        "example.org",
        "--postmaster",
        "carol@example.org",
    ]);

    let add = [
        "account",
        "add",
        "carol@example.org",
        "--password-file",
        "-",
    ];
    let mut add = server.prepare(&add);
    let add = add.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = add.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"correct horse\n")
        .unwrap();
    assert!(child.wait().unwrap().success());
    server.told(&["account", "quota", "carol@example.org", "1GiB"]);
    server.told(&[
        "alias",
        "add",
        "all@example.org",
        "carol@example.org",
        "x@example.net",
    ]);
    let aliases = server.told(&["--json", "alias", "list"]);
    let expected =
        r#"{"address":"all@example.org","targets":["carol@example.org","x@example.net"]}"#;
    assert_eq!(aliases.trim_end(), expected);
    assert!(server.told(&["account", "list"]).contains("1.0 GiB"));
    assert!(
        server
            .told(&["mailbox", "list", "carol@example.org"])
            .contains("INBOX")
    );
    assert!(
        server
            .told(&["message", "list", "carol@example.org"])
            .contains("is empty")
    );
    assert!(
        server
            .told(&["queue", "list"])
            .contains("nothing is in the queue")
    );

    let domain = server.command(&["domain", "remove", "example.org"]);
    check_refusal(&domain, 1, "example.org still has accounts or aliases");
    let trace = server.command(&["trace", "019aa1c3f2b07d3e8f00112233445566"]);
    check_refusal(
        &trace,
        1,
        "the ledger does not know message 019aa1c3f2b07d3e8f00112233445566",
    );
    check_refusal(
        &server.command(&["trace", "xyz"]),
        2,
        "32 hexadecimal digits",
    );
    server.told(&["alias", "remove", "all@example.org"]);
    server.told(&["account", "remove", "carol@example.org"]);
    server.told(&["domain", "remove", "example.org"]);

    let wrong = directory.path().join("wrong-token");
    fs::write(&wrong, "0123456789abcdef0123456789abcdef").unwrap();
    let wrong = server.command(&["queue", "list", "--token-file", wrong.to_str().unwrap()]);
    check_refusal(&wrong, 77, "the server refused the token");
}

#[test]
fn embedded_engines_need_no_preparation() {
    let output = rohrpost().arg("init").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    assert_eq!(
        said,
        "bus embedded: nothing to prepare\nstore embedded: nothing to prepare\n"
    );
}

#[test]
fn a_wrong_configuration_is_refused_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rohrpost.toml");
    fs::write(&file, "[smtp]\nmax_sise = \"10 MiB\"\n").unwrap();
    for command in ["serve", "config check"] {
        let mut rohrpost = rohrpost();
        rohrpost.arg("--config").arg(&file).args(command.split(' '));
        let place = format!("{}:2:1: smtp.max_sise: unknown key", file.display());
        check_refusal(&rohrpost.output().unwrap(), 78, &place);
    }
    assert_eq!(
        fs::read_dir(directory.path()).unwrap().count(),
        1,
        "nothing was made"
    );
}

#[test]
fn without_a_server_the_operator_hears_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let queue = || {
        let mut command = rohrpost();
        command
            .arg("--data")
            .arg(directory.path())
            .args(["queue", "list"]);
        // Nothing listens on the discard port.
        command
            .args(["--url", "http://127.0.0.1:9"])
            .output()
            .unwrap()
    };
    check_refusal(&queue(), 77, "cannot read the token");
    fs::write(
        directory.path().join("admin-token"),
        "0123456789abcdef0123456789abcdef",
    )
    .unwrap();
    check_refusal(&queue(), 69, "is `rohrpost serve` running?");
}

#[test]
fn a_port_that_is_taken_ends_everything() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let address = taken.local_addr().unwrap();
    let output = rohrpost()
        .arg("--data")
        .arg(directory.path())
        .env("ROHRPOST__SMTP__MX", format!(r#"["{address}"]"#))
        .env("ROHRPOST__SMTP__SUBMISSION", "[]")
        .env("ROHRPOST__SMTP__SUBMISSIONS", "[]")
        .env("ROHRPOST__WEB__LISTEN", "127.0.0.1:0")
        .env("ROHRPOST__DNS__NAMESERVERS", r#"["127.0.0.1:9"]"#)
        .output();
    check_refusal(&output.unwrap(), 1, &format!("cannot listen on {address}"));
}

#[test]
fn the_queue_is_selected_from_and_watched() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("data"));
    let selected = [
        "queue",
        "list",
        "--state",
        "held",
        "--older-than",
        "1h",
        "--last-reply",
        "full",
    ];
    assert!(server.told(&selected).contains("nothing is in the queue"));
    let top = server.told(&["queue", "top"]);
    assert!(top.contains("0 messages in the queue"), "{top}");
    assert!(!top.contains('\x1b'), "no terminal, no escapes: {top}");
    let all = ["queue", "delete", "--all-matching", "--older-than", "0s"];
    assert_eq!(server.told(&all), "0 jobs deleted\n");
    check_refusal(
        &server.command(&["queue", "retry", "--all-matching"]),
        2,
        "--older-than 0s means the whole queue",
    );
    check_refusal(
        &server.command(&["queue", "retry", "x", "--state", "held"]),
        2,
        "need --all-matching",
    );
    check_refusal(&server.command(&["queue", "hold"]), 2, "required");
    let dead = server.told(&["dead", "list"]);
    assert!(dead.contains("no job is dead"), "{dead}");
    assert!(dead.contains("nothing is buried on the bus"), "{dead}");
    let answer = server.command(&["dead", "give-back", "7"]);
    check_refusal(&answer, 1, "dead letter 7 does not exist");
    let unknown = "019aa1c3f2b07d3e8f00000000000001";
    let answer = server.command(&["queue", "why", unknown]);
    check_refusal(&answer, 1, "does not know message");
}
