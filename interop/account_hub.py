"""Thunderbird's own assistant, on a profile without accounts: a name, an address and a password; the rest it has from autoconfig."""
from harness import DOMAIN, HOST, free_ports, login, same
from letters import letter
from mailboxes import Reader, name_of
from marionette import REPLY, Thunderbird

OTHER = 15
AUTOCONFIG, ALL = f"autoconfig.{DOMAIN}", (f"autoconfig.{DOMAIN}", f"autodiscover.{DOMAIN}", DOMAIN)
# What all of the form's steps need.
STEP = """
const hub = await until("assistant", () => document.querySelector("account-hub-container")?.modal.querySelector("account-hub-email"));
const visible = name => until(name, () => { const found = hub.querySelector("#" + name); return found && !found.hidden && found; });
const write = (field, text) => { field.value = text; field.dispatchEvent(new InputEvent("input", { bubbles: true })); };
const forward = async () => { (await until("way on", () => { const found = hub.querySelector("#forward"); return !found.disabled && !found.hidden && found; })).click(); };
const shown = () => Object.fromEntries(["incomingType", "incomingHost", "incomingPort", "outgoingType", "outgoingHost", "outgoingPort", "sharedUsername"]
  .map(name => [name, hub.querySelector("#" + name).textContent]));
"""
# Everything that was found, with what the window does not show.
FOUND = """
const { FetchConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/FetchConfig.sys.mjs");
const { incoming, incomingAlternatives, outgoing, outgoingAlternatives, subSource } =
  await FetchConfig.fromISP(args[0].split("@")[1], args[0], new AbortController().signal);
const told = one => [one.type, one.hostname, one.port, one.socketType, one.auth, one.username];
return [subSource, [incoming, ...incomingAlternatives, outgoing, ...outgoingAlternatives].map(told)];
"""
# STARTTLS and TLS are 2 and 3 to it, a password inside of them 3.
STARTTLS, TLS, PASSWORD = 2, 3, 3


def listeners(ports, username):
    """What the server listens on for people, the best of each kind first."""
    kinds = (("imap", "imaps", TLS), ("imap", "imap", STARTTLS), ("pop3", "pop3s", TLS), ("pop3", "pop3", STARTTLS),
             ("smtp", "submissions", TLS), ("smtp", "submission", STARTTLS))
    return [[kind, HOST, ports[name], socket, PASSWORD, username] for kind, name, socket in kinds]


def signs_in(server, user, scheme, names):
    """Where these names have an address; over HTTPS, or over HTTP, where nothing answers on port 443."""
    address, password = login(user)
    ports = server.ports
    https = ports["https"] if scheme == "https" else free_ports(1)[0]
    bird = Thunderbird({"network.dns.localDomains": ",".join(names), "network.socket.forcePort": f"80={ports['http']};443={https}", "mailnews.auto_config_url": ""})
    try:
        bird.trust(ports["imaps"], (HOST, ports["imaps"]), (HOST, ports["submissions"]), *((name, port) for name in names for port in (443, https)))
        same("found", bird.run(FOUND, address), [f"xml-from-isp-{scheme}", listeners(ports, "%EMAILADDRESS%")])
        shown = bird.run(STEP + """
            await visible("emailAutoConfigSubview");
            write(hub.querySelector("#realName"), "Anna");
            write(hub.querySelector("#email"), args[0]);
            await forward();
            await visible("emailConfigFoundSubview");
            return shown();""", address)
        same("shown", shown, {"incomingType": "imap", "incomingHost": HOST, "incomingPort": str(ports["imaps"]), "outgoingType": "smtp", "outgoingHost": HOST,
                              "outgoingPort": str(ports["submissions"]), "sharedUsername": address})
        bird.run(STEP + """
            await forward();
            const step = await visible("emailPasswordSubview");
            write(step.querySelector("#password"), args[0]);
            await forward();
            await visible("emailAddedSuccessSubview");
            await forward();
            await until("inbox", () => folder("INBOX"));""", password)
        same("account", bird.run(ACCOUNT), listeners(ports, address)[::4])
        reads_and_answers(server, bird, user)
        bird.never_refused()
    finally:
        bird.remove()


ACCOUNT = """
const incoming = server(), outgoing = MailServices.outgoingServer.defaultServer, uri = outgoing.serverURI;
return [[incoming.type, incoming.hostname, incoming.port, incoming.socketType, incoming.authMethod, incoming.username],
        [outgoing.type, uri.host, uri.port, outgoing.socketType, outgoing.authMethod, outgoing.username]];
"""


def reads_and_answers(server, bird, user):
    asked = letter(64, f"asked{user}", 400).replace(b"from@example.org", login(OTHER)[0].encode())
    with Reader(server, user) as imap:
        imap.append("INBOX", asked)
    subject = bird.run("""
        const one = await until("message", async () => { await update("INBOX"); return headers("INBOX")[0]; });
        const text = await source("INBOX", one);
        if (!text.includes(args[0])) throw new Error(text);
        return one.mime2DecodedSubject;""", f"X-Name: asked{user}")
    bird.run(REPLY, subject, "It is here.")
    with Reader(server, OTHER) as imap:
        assert any(b"It is here." in message for _, message in imap.messages("INBOX").values()), name_of(asked)


def checks(tally, server):
    for user, scheme, names, path in ((13, "https", ALL, f"{AUTOCONFIG}/mail"), (14, "http", ALL, f"{AUTOCONFIG}/mail"),
                                      (18, "https", (DOMAIN,), f"{DOMAIN}/.well-known/autoconfig")):
        tally.check(f"Thunderbird signs in from the address alone, by {scheme}://{path}", signs_in, server, user, scheme, names)
