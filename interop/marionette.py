"""Thunderbird driven from outside: Marionette's wire, and scripts that run with all its rights."""
import json, os, shutil, signal, socket, ssl, subprocess, tempfile, time
from harness import HOST, free_ports, need

# The script's `arguments` are what is given; what it returns, or what a promise comes to, is the answer.
ASYNC = """
const [resolve] = [arguments[arguments.length - 1]];
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const sleep = ms => new Promise(done => setTimeout(done, ms));
const until = async (what, work) => {
  for (let n = 0; n < 600; n++) { const found = await work(); if (found) return found; await sleep(100); }
  throw new Error("in a minute there was no " + what);
};
const listener = () => {
  let done;
  const ended = new Promise((yes, no) => { done = status => status ? no(new Error("status " + status.toString(16))) : yes(); });
  return { ended, onStartRunningUrl() {}, onStopRunningUrl(url, status) { done(status); }, onStartCopy() {}, onProgress() {},
           setMessageKey() {}, getMessageId() {}, onStopCopy(status) { done(status); },
           QueryInterface: ChromeUtils.generateQI(["nsIUrlListener", "nsIMsgCopyServiceListener"]) };
};
const server = () => MailServices.accounts.allServers.find(one => one.type == "imap");
const folder = name => MailUtils.getExistingFolder(server().rootFolder.URI + "/" + name);
// It says nothing reliable about its end: who calls it waits for what it brings.
const update = async name => { folder(name).updateFolder(window.msgWindow); await sleep(300); };
const headers = name => [...folder(name).messages];
// A message's octets as a string.
const source = (name, one) => new Promise((yes, no) => {
  const uri = folder(name).getUriForMsg(one);
  let all = "";
  MailServices.messageServiceFromURI(uri).streamMessage(uri, {
    onStartRequest() {}, onStopRequest(request, status) { Components.isSuccessCode(status) ? yes(all) : no(new Error(status)); },
    onDataAvailable(request, stream, offset, count) {
      const input = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
      input.setInputStream(stream); all += input.readBytes(count);
    }, QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]) }, window.msgWindow, null, false, "");
});
const header = (name, subject) => until(`"${subject}" in ${name}`, () => headers(name).find(one => one.mime2DecodedSubject == subject));
(async (...args) => { %s })(...[...arguments].slice(0, -1)).then(
  value => resolve({ value: value === undefined ? null : value }), error => resolve({ error: String(error) + " " + (error.stack || "") }));
"""


# As a person does it: the window of a reply opens, something is written above what is cited, and it is sent.
REPLY = """
const [subject, text] = args;
const one = await header("INBOX", subject), identity = MailServices.accounts.defaultAccount.defaultIdentity;
MailServices.compose.OpenComposeWindow(null, one, folder("INBOX").getUriForMsg(one), Ci.nsIMsgCompType.ReplyToSender, Ci.nsIMsgCompFormat.Default,
                                       identity, null, window.msgWindow, null, false);
const compose = await until("window to write in", () => Services.wm.getMostRecentWindow("msgcompose"));
await until("citation", () => compose.gMsgCompose?.editor?.document.body.textContent.includes("wrote:"));
compose.GetCurrentEditor().insertText(text);
compose.SendMessage();
await until("end of sending", () => compose.closed);
"""


MODULES = os.environ.get("MOZ_LOG") or "IMAP:5,timestamp"


class Thunderbird:
    """Thunderbird, without a screen if there is none, on a profile of its own made of `preferences`; `said` is its log of IMAP."""

    def __init__(self, preferences):
        need("thunderbird")
        self.folder = tempfile.mkdtemp(prefix="postamt-thunderbird-")
        self.profile, self.starts = os.path.join(self.folder, "profile"), 0
        os.mkdir(self.profile)
        self.port = free_ports(1)[0]
        with open(os.path.join(self.profile, "user.js"), "w") as out:
            for name, value in {**QUIET, "marionette.port": self.port, **preferences}.items():
                out.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
        self.output = open(os.path.join(self.folder, "output"), "ab")
        self.start()

    def start(self):
        """Again too, on the same profile."""
        self.starts += 1
        log = os.path.join(self.folder, f"imap.log.{self.starts}")
        environment = {**os.environ, "HOME": self.folder, "MOZ_LOG": MODULES, "MOZ_LOG_FILE": log}
        screen = [] if os.environ.get("DISPLAY") else ["--headless"]
        self.process = subprocess.Popen(["thunderbird", *screen, "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", self.profile], env=environment,
                                        stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output, start_new_session=True)
        self.sock, self.held, self.count = self._dial(), b"", 0
        self._message()
        self.ask("WebDriver:NewSession", {})
        self.ask("Marionette:SetContext", {"value": "chrome"})
        self.ask("WebDriver:SetTimeouts", {"script": 90_000})

    def _dial(self):
        for _ in range(600):
            try:
                sock = socket.create_connection((HOST, self.port), 1)
                sock.settimeout(320)
                return sock
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        raise AssertionError(f"Thunderbird does not answer; see {self.folder}/output")

    def _message(self):
        """`LENGTH:JSON`."""
        while b":" not in self.held:
            self._more()
        length, self.held = self.held.split(b":", 1)
        while len(self.held) < int(length):
            self._more()
        text, self.held = self.held[:int(length)], self.held[int(length):]
        return json.loads(text)

    def _more(self):
        got = self.sock.recv(1 << 20)
        assert got, "Thunderbird ended"
        self.held += got

    def ask(self, name, parameters):
        self.count += 1
        text = json.dumps([0, self.count, name, parameters]).encode()
        self.sock.sendall(b"%d:%s" % (len(text), text))
        _, _, error, value = self._message()
        assert not error, f"{name}: {error}"
        return value

    def run(self, script, *arguments):
        """What the script, the body of an async function of these arguments, returns."""
        answer = self.ask("WebDriver:ExecuteAsyncScript", {"script": ASYNC % script, "args": list(arguments), "sandbox": "system", "newSandbox": True})["value"]
        assert answer and "error" not in answer, answer and answer["error"]
        return answer["value"]

    def trust(self, port, *places):
        """The server has one certificate, self-signed, here got from `port`; it is to be good for these hosts and ports."""
        certificate = ssl.get_server_certificate((HOST, port)).strip().split("\n", 1)[1].rsplit("\n", 1)[0].replace("\n", "")
        self.run("""const certificate = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).constructX509FromBase64(args[0]);
                    const overrides = Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);
                    for (const [host, port] of args[1]) overrides.rememberValidityOverride(host, port, {}, certificate, false);""", certificate, places)

    def said(self):
        """The lines it wrote to IMAP servers and read."""
        found = []
        for name in sorted(os.listdir(self.folder)):
            if name.startswith("imap.log"):
                with open(os.path.join(self.folder, name), "rb") as log:
                    found += log.read().decode("utf-8", "replace").splitlines()
        return found

    def never_refused(self):
        """Nothing that it sent was BAD."""
        bad = [line for line in self.said() if " BAD " in line]
        assert not bad, bad[:3]

    def quit(self):
        """As a person does it: what it knows is kept for the next start."""
        self.ask("Marionette:Quit", {"flags": ["eAttemptQuit"]})
        self.process.wait(60)
        self.sock.close()

    def stop(self):
        self.sock.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def remove(self):
        self.stop()
        self.output.close()
        if os.environ.get("KEEP"):
            print("left behind:", self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


# Nothing is fetched from elsewhere, nothing is asked.
QUIET = {
    "app.update.enabled": False, "app.donation.eoy.version": 999, "browser.safebrowsing.downloads.remote.enabled": False, "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True, "extensions.update.enabled": False, "mail.provider.enabled": False, "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False, "mail.spotlight.firstRunDone": True, "mail.winsearch.firstRunDone": True, "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore", "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,", "toolkit.telemetry.enabled": False, "mail.biff.show_alert": False, "mail.biff.play_sound": False,
    "calendar.timezone.useSystemTimezone": True, "mail.chat.enabled": False, "mailnews.auto_config.guess.enabled": True, "mail.check_all_imap_folders_for_new": True,
    "mail.inappnotifications.enabled": False, "browser.startup.homepage_override.mstone": "ignore", "mail.ui.folderpane.version": 1,
}
