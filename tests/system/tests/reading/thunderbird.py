"""Thunderbird without a screen: reads, flags, moves and removes messages, and sees new
mail come.

Arguments: the port of IMAP under TLS, the server's certificate, user, password, home.
The INBOX has five letters; when `six?` is printed, a sixth must come.

Thunderbird is told what to do by its remote protocol (Marionette), in its own language.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time

PORT, CERTIFICATE, USER, PASSWORD, HOME = sys.argv[1:]
DEADLINE = 60
PROFILE = os.path.join(HOME, "profile")
LOG = os.path.join(HOME, "log")

# Nothing but loopback is to be reached: there is no proxy at the discard port.
SETTINGS = {
    "marionette.port": 0,
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.socks": "127.0.0.1",
    "network.proxy.socks_port": 9,
    "network.proxy.no_proxies_on": "127.0.0.1",
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
}

# What the scripts below use. What is to be listened to becomes a promise.
LIBRARY = """
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const until = async look => {
  for (;;) {
    const found = look();
    if (found) return found;
    await new Promise(next => setTimeout(next, 20));
  }
};
const finish = (status, next, fail) => Components.isSuccessCode(status) ? next() : fail(status);
const visited = start => new Promise((next, fail) => start({
  QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
  OnStartRunningUrl() {},
  OnStopRunningUrl(url, status) { finish(status, next, fail); },
}));
const copied = start => new Promise((next, fail) => start({
  QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
  onStartCopy() {},
  onProgress() {},
  setMessageKey() {},
  getMessageId() { return null; },
  onStopCopy(status) { finish(status, next, fail); },
}));
const source = (folder, header) => new Promise((next, fail) => {
  const uri = folder.getUriForMsg(header);
  let text = "";
  MailServices.messageServiceFromURI(uri).streamMessage(uri, {
    QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]),
    onStartRequest() {},
    onDataAvailable(request, stream, offset, count) {
      const input = Cc["@mozilla.org/scriptableinputstream;1"]
        .createInstance(Ci.nsIScriptableInputStream);
      input.init(stream);
      text += input.read(count);
    },
    onStopRequest(request, status) { finish(status, () => next(text), fail); },
  }, null, null, false, "");
});
const root = () => MailServices.accounts.allServers.find(one => one.type == "imap").rootFolder;
const inbox = () => root().getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox)
  ?.QueryInterface(Ci.nsIMsgImapMailFolder);
const letters = folder => [...folder.messages];
const letter = (folder, name) => letters(folder).find(one => one.subject == name);
"""

SETUP = """
const database = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService)
  .rememberValidityOverride("127.0.0.1", port, {},
    database.constructX509FromBase64(certificate), false);
const server = MailServices.accounts.createIncomingServer(user, "127.0.0.1", "imap");
server.port = port;
server.socketType = Ci.nsMsgSocketType.SSL;
server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
server.password = password;
const identity = MailServices.accounts.createIdentity();
identity.email = user;
const account = MailServices.accounts.createAccount();
account.incomingServer = server;
account.addIdentity(identity);
server.performExpand(null);
const folder = await until(inbox);
await visited(listener => folder.updateFolderWithListener(null, listener));
await until(() => letters(folder).length == 5);
return await until(() => {
  const names = root().subFolders.map(one => one.name).sort();
  return names.length == 6 && names;
});
"""

CHANGES = """
const folder = inbox();
const archive = root().subFolders.find(one => one.name == "Archive");
const text = await source(folder, letter(folder, "one"));
folder.markMessagesRead([letter(folder, "one")], true);
folder.markMessagesFlagged([letter(folder, "two")], true);
await copied(listener => MailServices.copy.copyMessages(
  folder, [letter(folder, "three")], archive, true, listener, null, true));
await copied(listener => folder.deleteMessages(
  [letter(folder, "four")], null, true, false, listener, false));
await visited(listener => folder.expunge(listener, null));
return text;
"""

ARRIVAL = """
await until(() => letter(inbox(), "six"));
return letters(inbox()).map(one => one.subject).sort();
"""


class Marionette:
    """The remote protocol: arrays in JSON, each behind its length."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self.file = self.socket.makefile("rb")
        self.number = 0
        self.hear()
        self.ask("WebDriver:NewSession")
        self.ask("Marionette:SetContext", value="chrome")
        self.ask("WebDriver:SetTimeouts", script=DEADLINE * 1000)

    def hear(self):
        length = b""
        while not length.endswith(b":"):
            octet = self.file.read(1)
            assert octet, "Thunderbird has ended"
            length += octet
        return json.loads(self.file.read(int(length[:-1])))

    def ask(self, command, **parameters):
        self.number += 1
        text = json.dumps([0, self.number, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, value = self.hear()
        assert error is None, error
        return value

    def play(self, script):
        """Runs the body of an asynchronous function; what it returns."""
        whole = f"""
            const [port, certificate, user, password, done] = arguments;
            {LIBRARY}
            (async () => {{ {script} }})().then(
              told => done({{ told }}), error => done({{ error: String(error) }}));"""
        with open(CERTIFICATE) as file:
            certificate = "".join(line.strip() for line in file if "-" not in line)
        arguments = [int(PORT), certificate, USER, PASSWORD]
        answer = self.ask("WebDriver:ExecuteAsyncScript", script=whole, args=arguments)
        assert "error" not in answer["value"], answer
        return answer["value"]["told"]


def start():
    """Thunderbird on a new profile, and its port. It ends with this program."""
    os.makedirs(PROFILE)
    with open(os.path.join(PROFILE, "user.js"), "w") as file:
        for name, value in SETTINGS.items():
            file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
    libc = ctypes.CDLL(None)
    process = subprocess.Popen(
        ["thunderbird", "--headless", "--no-remote", "--profile", PROFILE]
        + ["--marionette", "--remote-allow-system-access"],
        env=dict(os.environ, HOME=HOME),
        stdin=subprocess.DEVNULL,
        stdout=open(LOG, "wb"),
        stderr=subprocess.STDOUT,
        # PR_SET_PDEATHSIG
        preexec_fn=lambda: libc.prctl(1, signal.SIGKILL),
    )
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        assert process.poll() is None, "Thunderbird does not start"
        try:
            with open(os.path.join(PROFILE, "MarionetteActivePort")) as file:
                return process, int(file.read())
        except (FileNotFoundError, ValueError):
            time.sleep(0.05)
    raise TimeoutError


process, port = start()
try:
    thunderbird = Marionette(port)
    names = thunderbird.play(SETUP)
    assert names == ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"], names
    text = thunderbird.play(CHANGES)
    assert text.endswith("\r\n\r\nThis is one.\r\n"), text
    print("six?", flush=True)
    subjects = thunderbird.play(ARRIVAL)
    assert subjects == ["five", "one", "six", "two"], subjects
except Exception:
    with open(LOG, errors="replace") as file:
        print(file.read(), file=sys.stderr)
    raise
finally:
    process.kill()
    process.wait()
