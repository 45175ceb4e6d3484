//! The German of the command tree: each text as the tree has it (without the last full stop, which clap takes away), and beside
//! it what a German reads. A test in `tree` finds what is missing here, and what no command says any more.

/// Names of values.
pub const VALUE_NAMES: [(&str, &str); 33] = [
    ("ADDRESS", "ADRESSE"),
    ("BACKUP", "BACKUP"),
    ("CHARS", "ZEICHEN"),
    ("COMMAND", "BEFEHL"),
    ("DIR", "ORDNER"),
    ("DOMAIN", "DOMAIN"),
    ("EMAILID", "EMAILID"),
    ("ENGINE", "ENGINE"),
    ("FILE", "DATEI"),
    ("FORMAT", "FORMAT"),
    ("HASH", "HASH"),
    ("ID", "ID"),
    ("LANGUAGE", "SPRACHE"),
    ("MAILBOX", "MAILORDNER"),
    ("N", "ZAHL"),
    ("NAME", "NAME"),
    ("NEXT_HOP", "NÄCHSTER_HOP"),
    ("PART", "TEIL"),
    ("RECIPIENT", "EMPFÄNGER"),
    ("SHELL", "SHELL"),
    ("SIZE", "GRÖSSE"),
    ("TARGETS", "ZIELE"),
    ("TEXT", "TEXT"),
    ("TIME", "ZEIT"),
    ("URL", "URL"),
    ("PATH", "PFAD"),
    ("WHEN", "WANN"),
    ("WORD", "WORT"),
    ("WHAT", "WAS"),
    ("SUBCOMMAND", "BEFEHL"),
    ("LOG_FORMAT", "FORMAT"),
    ("ACCOUNT", "KONTO"),
    ("HOP", "HOP"),
];

pub const TEXTS: &[(&str, &str)] = &[
    // postamt
    (
        "The whole post office in one program. Without a command: a demo",
        "Das ganze Postamt in einem Programm. Ohne Befehl: eine Demo",
    ),
    (
        "Examples:
  postamt                              a demo on loopback, data in ./postamt-demo
  postamt check --config postamt.toml  everything wrong with the file, at once
  postamt serve --config postamt.toml  the server
  postamt status                       how the running server is
  postamt trace --to ben@example.org   what became of a message",
        "Beispiele:
  postamt                              eine Demo auf Loopback, Daten in ./postamt-demo
  postamt check --config postamt.toml  alle Fehler der Datei auf einmal
  postamt serve --config postamt.toml  der Server
  postamt status                       wie es dem laufenden Server geht
  postamt trace --to ben@example.org   was aus einer Nachricht wurde",
    ),
    (
        "Exit codes: 0 done, 1 failed, 2 the command or the configuration is wrong, 3 there is no such thing.
Log lines go to standard error; POSTAMT_LOG=debug shows more of them.",
        "Exit-Codes: 0 erledigt, 1 gescheitert, 2 Befehl oder Konfiguration falsch, 3 nicht vorhanden.
Logzeilen gehen auf die Standardfehlerausgabe; POSTAMT_LOG=debug zeigt mehr davon.",
    ),
    (
        "The language of help and messages [default: that of the locale]",
        "Sprache von Hilfe und Meldungen [Vorgabe: die der Locale]",
    ),
    ("Print help", "Zeigt diese Hilfe"),
    ("Print help (see more with '--help')", "Zeigt diese Hilfe (mehr mit '--help')"),
    ("Print help (see a summary with '-h')", "Zeigt diese Hilfe (kürzer mit '-h')"),
    ("Print version", "Zeigt die Version"),
    (
        "Print this message or the help of the given subcommand(s)",
        "Zeigt diese Hilfe oder die eines Befehls",
    ),
    // What many commands have
    (
        "The running server's configuration [default: ./postamt.toml, or else the demo in ./postamt-demo]",
        "Konfiguration des laufenden Servers [Vorgabe: ./postamt.toml, sonst die Demo in ./postamt-demo]",
    ),
    ("The running server's data folder", "Datenordner des laufenden Servers"),
    ("JSON, one object a line, instead of text", "JSON statt Text, ein Objekt je Zeile"),
    (
        "How log lines look [default: text on a terminal, else json]",
        "Wie Logzeilen aussehen [Vorgabe: text am Terminal, sonst json]",
    ),
    // demo, serve, check, status, reload
    (
        "A mail server on loopback with three accounts and sample mail; nothing leaves the machine",
        "Mailserver auf Loopback mit drei Konten und Beispielmail; nichts verlässt die Maschine",
    ),
    ("The folder for mail and logins", "Ordner für Mail und Zugangsdaten"),
    ("The server, as the configuration says", "Der Server, wie ihn die Konfiguration beschreibt"),
    (
        "The configuration; docs/configuration.md lists its keys",
        "Die Konfiguration; ihre Schlüssel stehen in docs/configuration.md",
    ),
    (
        "Tells everything that is wrong with a configuration, without starting anything",
        "Nennt alles, was an einer Konfiguration falsch ist, ohne etwas zu starten",
    ),
    ("The configuration", "Die Konfiguration"),
    ("One JSON object instead of lines", "Ein JSON-Objekt statt Zeilen"),
    (
        "How the running server is: store, listeners, connections, queue",
        "Wie es dem laufenden Server geht: Speicher, Listener, Verbindungen, Warteschlange",
    ),
    (
        "Takes the configuration file anew, without a restart; with a mistake in it nothing changes",
        "Lädt die Konfigurationsdatei neu, ohne Neustart; enthält sie einen Fehler, ändert sich nichts",
    ),
    (
        "The server reads the file that it was started with; kill -HUP does the same, and logs what came of it.
Connections stay, but for those of listeners that are gone from the file. `data` cannot change this way.
Exit code 2: the file is wrong, and nothing has changed.",
        "Der Server liest die Datei, mit der er gestartet wurde; kill -HUP tut dasselbe und vermerkt das Ergebnis im Log.
Verbindungen bleiben bestehen, außer bei Listenern, die nicht mehr in der Datei stehen. `data` lässt sich so nicht ändern.
Exit-Code 2: die Datei ist falsch, und nichts wurde geändert.",
    ),
    // trace
    (
        "What happened to messages, why, and what happens next",
        "Was mit Nachrichten geschah, warum, und wie es weitergeht",
    ),
    (
        "The message's queue id, as in its `Received` field, the log, and what `postamt send` prints",
        "Queue-ID der Nachricht; sie steht im Feld `Received`, im Log und in der Ausgabe von `postamt send`",
    ),
    ("Only messages with a recipient whose address has this part", "Nur Nachrichten an Empfänger, deren Adresse diesen Teil enthält"),
    ("Only messages with a sender whose address has this part", "Nur Nachrichten von Absendern, deren Adresse diesen Teil enthält"),
    (
        "Only messages accepted in the last TIME, as 90min, 3h or 2d",
        "Nur in der letzten ZEIT angenommene Nachrichten, etwa 90min, 3h oder 2d",
    ),
    ("How many messages at most, the newest first", "Wie viele Nachrichten höchstens, die neuesten zuerst"),
    (
        "Goes on with what happens from now on, until Ctrl-C",
        "Zeigt auch, was ab jetzt geschieht, bis Strg-C",
    ),
    // queue
    ("The queue: what waits to be delivered, and what can be done about it", "Warteschlange: was auf Zustellung wartet, und was sich daran tun lässt"),
    ("What waits, in the order of arrival", "Was wartet, nach Eingang geordnet"),
    ("How many deliveries at most", "Wie viele Zustellungen höchstens"),
    ("Everything about one message", "Alles über eine Nachricht"),
    ("The message's queue id", "Queue-ID der Nachricht"),
    (
        "Prints the message itself as it will be sent, at most 10 MiB of it",
        "Gibt die Nachricht selbst aus, wie sie verschickt wird, höchstens 10 MiB davon",
    ),
    ("Tries deliveries now, also held ones", "Versucht Zustellungen sofort, auch zurückgehaltene"),
    ("Holds deliveries back until they are released", "Hält Zustellungen zurück, bis sie freigegeben werden"),
    (
        "Lets held deliveries go on; the time they were held is not taken from them",
        "Gibt zurückgehaltene Zustellungen frei; die Wartezeit zählt nicht auf ihre Frist",
    ),
    (
        "Takes deliveries out of the queue for good; nobody is told",
        "Streicht Zustellungen endgültig aus der Warteschlange; niemand erfährt davon",
    ),
    ("Does not ask", "Fragt nicht nach"),
    (
        "Sends deliveries to another next hop, and tries them now",
        "Leitet Zustellungen an einen anderen nächsten Hop um und versucht sie sofort",
    ),
    (
        "A domain, route:NAME, smtp://HOST:PORT, smtps://HOST:PORT or lmtp://HOST:PORT",
        "Eine Domain, route:NAME, smtp://HOST:PORT, smtps://HOST:PORT oder lmtp://HOST:PORT",
    ),
    ("Only those of the message with this queue id", "Nur die der Nachricht mit dieser Queue-ID"),
    ("Only those to recipients whose address has this part", "Nur die an Empfänger, deren Adresse diesen Teil enthält"),
    (
        "Only those from senders whose address has this part; \"\" for reports, which have no sender",
        "Nur die von Absendern, deren Adresse diesen Teil enthält; \"\" für Berichte, die keinen Absender haben",
    ),
    (
        "Only those by this next hop; `local` for mailboxes of this server",
        "Nur die über diesen nächsten Hop; `local` für Postfächer dieses Servers",
    ),
    ("Only those that are held", "Nur zurückgehaltene"),
    ("All that wait; needed where nothing else says which", "Alle, die warten; nötig, wenn sonst nichts auswählt"),
    // account
    ("Accounts: who has mail here", "Konten: wer hier Mail hat"),
    ("All accounts, and what their mail takes", "Alle Konten und wie viel Platz ihre Mail belegt"),
    (
        "Adds an account, with mailboxes for drafts, sent mail, junk and so on. The password comes from standard input",
        "Legt ein Konto an, mit Ordnern für Entwürfe, Gesendetes, Spam und so weiter. Das Passwort kommt von der Standardeingabe",
    ),
    ("Its address, which is also its login", "Seine Adresse, zugleich der Anmeldename"),
    ("Makes a password and prints it", "Erzeugt ein Passwort und zeigt es an"),
    (
        "Removes an account. For a while it can be brought back with its mail: `postamt account restore`",
        "Entfernt ein Konto. Eine Zeit lang lässt es sich mit seiner Mail zurückholen: `postamt account restore`",
    ),
    ("Accounts that were removed and can be brought back", "Entfernte Konten, die sich zurückholen lassen"),
    (
        "Brings a removed account back, with its password, quota and mail",
        "Holt ein entferntes Konto zurück, mit Passwort, Quota und Mail",
    ),
    (
        "Ends a removed account and its mail for good, before its time; it asks first. Whoever gets the address is new",
        "Löscht ein entferntes Konto und seine Mail endgültig, vor der Zeit; fragt vorher. Wer die Adresse bekommt, fängt neu an",
    ),
    ("The account's address", "Adresse des Kontos"),
    ("Changes a password, which comes from standard input", "Ändert ein Passwort; das neue kommt von der Standardeingabe"),
    (
        "Lets an account log in by POP3's APOP, with a secret of its own, or forbids it",
        "Erlaubt einem Konto die Anmeldung per APOP (POP3) mit einem eigenen Geheimnis, oder verbietet sie",
    ),
    (
        "Lets an account log in by POP3's APOP, with a secret of its own, or forbids it.\n\n\
         APOP can be checked only by a server that has the secret itself: it is STORED READABLE in the data folder and its \
         backups, unlike passwords, which are stored as hashes. So it is a secret beside the password, and opens \
         nothing but POP3 by APOP. A new password switches APOP off. Any program of the last twenty years does \
         better with TLS and a password. The secret comes from standard input.",
        "Erlaubt einem Konto die Anmeldung per APOP (POP3) mit einem eigenen Geheimnis, oder verbietet sie.\n\n\
         APOP prüfen kann nur, wer das Geheimnis selbst kennt: Es liegt LESBAR im Datenordner und in dessen Sicherungen, \
         anders als Passwörter, von denen nur Hashes gespeichert sind. Deshalb ist es ein Geheimnis neben dem Passwort und \
         öffnet nur POP3 per APOP. Ein neues Passwort schaltet APOP ab. Jedes Programm der letzten zwanzig Jahre ist mit TLS \
         und Passwort besser bedient. Das Geheimnis kommt von der Standardeingabe.",
    ),
    ("Switches it on, with a new secret", "Schaltet es ein, mit einem neuen Geheimnis"),
    ("Switches it off, and forgets the secret", "Schaltet es ab und löscht das Geheimnis"),
    ("Makes a secret and prints it", "Erzeugt ein Geheimnis und zeigt es an"),
    ("Lets an account log in again", "Lässt ein Konto sich wieder anmelden"),
    (
        "Forbids an account to log in; it still gets mail",
        "Sperrt die Anmeldung eines Kontos; Mail bekommt es weiterhin",
    ),
    (
        "Sets what an account may keep; what is not named has no limit",
        "Setzt die Quota eines Kontos; was nicht genannt ist, bleibt unbegrenzt",
    ),
    ("No limit at all", "Keinerlei Grenze"),
    ("What its mail may take, each message counted once", "Wie viel Platz seine Mail belegen darf, jede Nachricht einmal gezählt"),
    ("How many messages it may have", "Wie viele Nachrichten es haben darf"),
    // deleted
    ("What was deleted, and bringing it back", "Gelöschtes, und wie es zurückkommt"),
    (
        "Deleted mailboxes and messages that can be brought back, the newest first",
        "Gelöschte Mailordner und Nachrichten, die sich zurückholen lassen, die neuesten zuerst",
    ),
    ("Messages with this part in the subject", "Nachrichten mit diesem Teil im Betreff"),
    ("How many at most", "Höchstens so viele"),
    (
        "Brings messages and mailboxes back. A message comes back as it was, as new mail of its mailbox; a deleted mailbox is made \
         again, under another name if its own is taken. Messages that are in some mailbox are passed over",
        "Holt Nachrichten und Mailordner zurück. Eine Nachricht kommt zurück, wie sie war, als neue Mail ihres Ordners; ein gelöschter \
         Ordner wird neu angelegt, unter anderem Namen, wenn seiner vergeben ist. Was noch in einem Ordner liegt, wird übergangen",
    ),
    ("Which messages, as `postamt deleted list` shows them", "Welche Nachrichten, wie `postamt deleted list` sie zeigt"),
    ("Everything", "Alles"),
    (
        "Puts the messages there instead of where they were; made if it is missing",
        "Legt die Nachrichten dorthin statt dorthin, wo sie waren; fehlt der Mailordner, wird er angelegt",
    ),
    ("Also beyond the account's quota; for administrators", "Auch über die Quota des Kontos hinaus; nur für die Verwaltung"),
    (
        "Ends deleted messages for good, before their time; it asks first",
        "Löscht gelöschte Nachrichten endgültig, vor der Zeit; fragt vorher",
    ),
    ("Everything that was deleted", "Alles, was gelöscht wurde"),
    (
        "Those from a mailbox of this name, which may be deleted itself",
        "Die aus einem Mailordner dieses Namens, der selbst gelöscht sein darf",
    ),
    (
        "Those deleted within this time, as 90min, 3h or 2d, or since this day, as 2026-11-22",
        "Die innerhalb dieser Zeit gelöschten, wie 90min, 3h oder 2d, oder die seit diesem Tag, wie 2026-11-22",
    ),
    (
        "The server's socket for people: asks for the account's password, and needs no administrator",
        "Der Socket des Servers für alle: fragt nach dem Passwort des Kontos und braucht keine Verwaltung",
    ),
    // domain
    ("Domains whose mail is taken here", "Domains, für die hier Mail angenommen wird"),
    ("All local domains", "Alle lokalen Domains"),
    ("Takes mail for a domain from now on", "Nimmt ab jetzt Mail für eine Domain an"),
    ("Its name", "Ihr Name"),
    ("Changes those settings of a domain that are named", "Ändert die genannten Einstellungen einer Domain"),
    ("Mail to addresses that nobody has is refused", "Mail an Adressen, die niemand hat, wird abgelehnt"),
    ("It is a domain of its own again, no longer another name", "Sie ist wieder eine eigene Domain, kein anderer Name mehr"),
    (
        "Takes no mail for a domain any more; it must have no accounts and aliases",
        "Nimmt keine Mail mehr für eine Domain an; sie darf keine Konten und Aliasse haben",
    ),
    (
        "Who gets mail to addresses that nobody has; may be named several times",
        "Wer Mail an Adressen bekommt, die niemand hat; mehrfach möglich",
    ),
    (
        "What stands between a name and its detail, as in anna+lists@…; \"\" for nothing [default: +]",
        "Was Namen und Zusatz trennt, wie in anna+listen@…; \"\" für nichts [Vorgabe: +]",
    ),
    ("It is only another name of this domain", "Sie ist nur ein anderer Name dieser Domain"),
    // alias
    ("Aliases: addresses that stand for others", "Aliasse: Adressen, die für andere stehen"),
    ("All aliases", "Alle Aliasse"),
    (
        "Adds targets to an alias, which is made where there is none",
        "Fügt einem Alias Ziele hinzu; fehlt er, wird er angelegt",
    ),
    ("The alias's address", "Adresse des Alias"),
    ("Where its mail goes, here or elsewhere", "Wohin seine Mail geht, hier oder anderswo"),
    ("Takes targets from an alias, or all of them", "Nimmt einem Alias Ziele weg, oder alle"),
    (
        "Where its mail goes no longer; none: there is no alias any more",
        "Wohin seine Mail nicht mehr geht; ohne Angabe entfällt der ganze Alias",
    ),
    // dns
    (
        "What DNS should hold, so that mail and mail programs find the server",
        "Was im DNS stehen soll, damit Mail und Mailprogramme den Server finden",
    ),
    (
        "The records of a mail domain, as a zone file has them; from the configuration, whether or not the server runs",
        "Die Einträge einer Maildomain in der Form einer Zonendatei; aus der Konfiguration, auch ohne laufenden Server",
    ),
    ("A domain whose mail is taken here", "Eine Domain, für die hier Mail angenommen wird"),
    ("The server's configuration", "Konfiguration des Servers"),
    ("One JSON object instead of a zone file", "Ein JSON-Objekt statt einer Zonendatei"),
    // send
    (
        "Sends a message through the running server, and prints its queue id",
        "Schickt eine Nachricht über den laufenden Server und gibt ihre Queue-ID aus",
    ),
    (
        "As whom: the address of an account, or one whose mail it gets",
        "Absender: die Adresse eines Kontos, oder eine, deren Mail es bekommt",
    ),
    ("To whom; may be named several times", "Empfänger; mehrfach möglich"),
    ("What it is about", "Betreff"),
    (
        "Standard input is the whole message with its header, not only its text",
        "Die Standardeingabe ist die ganze Nachricht mit Kopf, nicht nur der Text",
    ),
    // import
    (
        "Brings mail from files (Maildir, mbox, eml) into an account",
        "Holt Mail aus Dateien (Maildir, mbox, eml) in ein Konto",
    ),
    (
        "It may be stopped and started again at any time: what is there already is not added a second time.
Exit codes: 0 all is there, 1 something is not and was named, 2 the command is wrong, 3 there is no such account.",
        "Abbrechen und neu starten geht jederzeit: Was schon da ist, kommt kein zweites Mal dazu.
Exit-Codes: 0 alles ist da, 1 etwas fehlt und wurde genannt, 2 der Befehl ist falsch, 3 das Konto gibt es nicht.",
    ),
    ("Whose mail it becomes", "Wessen Mail es wird"),
    (
        "The mailbox that the messages go into; that of folders below is made below it",
        "Der Ordner des Kontos, in den die Nachrichten kommen; Unterordner entstehen darunter",
    ),
    (
        "Folders keep their names: \"Spam\" stays \"Spam\", and does not become the mailbox for junk",
        "Ordner behalten ihre Namen: \"Spam\" bleibt \"Spam\" und wird nicht zum Spam-Ordner des Kontos",
    ),
    (
        "What a message's date of arrival is taken from [default: file; header for messages in files of their own]",
        "Woraus das Eingangsdatum stammt [Vorgabe: file; header bei --eml]",
    ),
    (
        "A Maildir with its folders, as of Dovecot, Courier or mbsync",
        "Ein Maildir mit Unterordnern, etwa von Dovecot, Courier oder mbsync",
    ),
    (
        "mbox files, or folders of them, as of Thunderbird or Google Takeout",
        "mbox-Dateien oder Ordner davon, etwa von Thunderbird oder Google Takeout",
    ),
    ("Messages in files of their own, or folders of them", "Einzelne Nachrichten als Dateien, oder Ordner davon"),
    // export
    (
        "Writes an account's mail into files (Maildir, mbox, eml)",
        "Schreibt die Mail eines Kontos in Dateien (Maildir, mbox, eml)",
    ),
    (
        "A second run adds what is new, and takes nothing away.
Exit codes: 0 all is there, 1 something is not and was named, 2 the command is wrong, 3 there is no such account or mailbox.",
        "Ein weiterer Lauf ergänzt, was neu ist, und entfernt nichts.
Exit-Codes: 0 alles ist da, 1 etwas fehlt und wurde genannt, 2 der Befehl ist falsch, 3 Konto oder Ordner gibt es nicht.",
    ),
    (
        "Whose mail; an account's number stands for one whose address was lost",
        "Wessen Mail; für ein Konto, dessen Adresse verloren ist, steht seine Nummer",
    ),
    ("Only this mailbox; may be named several times", "Nur dieser Ordner; mehrfach möglich"),
    ("A Maildir++, as Dovecot and mutt read it", "Ein Maildir++, wie Dovecot und mutt es lesen"),
    (
        "A folder with an mbox file (mboxrd) for each mailbox",
        "Ein Verzeichnis mit einer mbox-Datei (mboxrd) je Ordner",
    ),
    ("Folders with a file for each message", "Verzeichnisse mit einer Datei je Nachricht"),
    // fetch
    (
        "Brings mail from another server, by IMAP or POP3, into an account",
        "Holt Mail von einem anderen Server, per IMAP oder POP3, in ein Konto",
    ),
    (
        "It may be stopped and started again at any time; what came once does not come again. imap:// and pop3:// begin TLS by
command, and go no further without it.
Exit codes: 0 all is there, 1 something is not and was named, 2 the command is wrong, 3 there is no such account.",
        "Abbrechen und neu starten geht jederzeit; was einmal kam, kommt nicht wieder. imap:// und pop3:// beginnen TLS mit
STARTTLS und gehen ohne TLS nicht weiter.
Exit-Codes: 0 alles ist da, 1 etwas fehlt und wurde genannt, 2 der Befehl ist falsch, 3 das Konto gibt es nicht.",
    ),
    (
        "The other server and who you are there: imaps://USER@HOST, imap://, pop3s:// or pop3://; :PORT may follow",
        "Der andere Server und der Benutzer dort: imaps://USER@HOST, imap://, pop3s:// oder pop3://; :PORT darf folgen",
    ),
    (
        "A file whose first line is the password there; else it is asked for, or read from standard input",
        "Datei, deren erste Zeile das Passwort dort ist; sonst wird danach gefragt oder die Standardeingabe gelesen",
    ),
    ("Messages stay at the other server, which is usual", "Nachrichten bleiben auf dem anderen Server; das ist der Normalfall"),
    (
        "Messages are deleted at the other server once they are stored here",
        "Nachrichten werden auf dem anderen Server gelöscht, sobald sie hier gespeichert sind",
    ),
    (
        "Takes only the certificate with this hash, whoever signed it: hexadecimal digits, colons between them or not",
        "Akzeptiert nur das Zertifikat mit diesem Hash, gleich wer es signiert hat: Hexadezimalziffern, auch mit Doppelpunkten",
    ),
    (
        "A file with certificates of authorities, in PEM form, that are believed beside the system's",
        "Datei mit Zertifikaten von Zertifizierungsstellen (PEM), denen neben denen des Systems vertraut wird",
    ),
    ("Takes any certificate; of a server on this machine only", "Akzeptiert jedes Zertifikat; nur bei einem Server auf dieser Maschine"),
    ("Without TLS; to a server on this machine only", "Ohne TLS; nur zu einem Server auf dieser Maschine"),
    // metrics, keys, man, completions, hash-password
    (
        "Prints the reference of all metrics, in Markdown",
        "Gibt die Referenz aller Metriken aus (Markdown, englisch)",
    ),
    (
        "Prints the reference of all configuration keys, in Markdown",
        "Gibt die Referenz aller Konfigurationsschlüssel aus (Markdown, englisch)",
    ),
    ("Prints or writes the manual's pages", "Gibt die Handbuchseiten aus oder schreibt sie in Dateien"),
    (
        "A folder for the pages of all commands, made if it is not there; without it the main page is printed",
        "Ordner für die Seiten aller Befehle; fehlt er, wird er angelegt. Ohne diese Option erscheint die Hauptseite",
    ),
    ("Prints a shell's completions", "Gibt die Vervollständigungen einer Shell aus"),
    ("For which shell", "Für welche Shell"),
    (
        "Reads a password from standard input and prints what `password_hash` takes: its Argon2id hash and SCRAM keys",
        "Liest ein Passwort von der Standardeingabe und gibt aus, was `password_hash` erwartet: Argon2id-Hash und SCRAM-Schlüssel",
    ),
    ("One JSON object instead of a line", "Ein JSON-Objekt statt einer Zeile"),
    // backup
    (
        "Takes everything into a folder, and brings back all or some of it",
        "Sichert alles in einen Ordner und bringt alles oder einen Teil zurück",
    ),
    (
        "A backup holds all that is in the data folder's store: mail, people, queue and trace. The configuration file is not in it.",
        "Ein Backup enthält alles, was im Speicher des Datenordners liegt: Mail, Personen, Warteschlange und Verlauf. Die
Konfigurationsdatei ist nicht darin.",
    ),
    (
        "Exit codes: 0 done, 1 failed or damaged, 2 the command is wrong, 3 there is no such thing.",
        "Exit-Codes: 0 erledigt, 1 gescheitert oder beschädigt, 2 Befehl falsch, 3 nicht vorhanden.",
    ),
    (
        "Takes a backup into a folder; only what is not there yet is written",
        "Sichert in einen Ordner; geschrieben wird nur, was dort noch fehlt",
    ),
    (
        "It shows one moment, however long it takes, and may be stopped and started again at any time: what is written is found.",
        "Es zeigt einen Augenblick, wie lange es auch dauert, und darf jederzeit abgebrochen und neu gestartet werden: Was geschrieben ist, wird gefunden.",
    ),
    (
        "Exit codes: 0 done, 1 failed, or a body is missing that was named, 2 the command is wrong.",
        "Exit-Codes: 0 erledigt, 1 gescheitert, oder es fehlt ein Inhalt, der genannt wurde, 2 Befehl falsch.",
    ),
    ("The messages of an account in a backup", "Die Nachrichten eines Kontos in einem Backup"),
    (
        "What one of them has in the column EMAILID brings it back: postamt backup restore /backup --account anna@example.org --message EMAILID",
        "Was bei einer in der Spalte EMAILID steht, bringt sie zurück: postamt backup restore /backup --account anna@example.org --message EMAILID",
    ),
    (
        "Exit codes: 0 done, 1 something cannot be read and was named, 2 the command is wrong, 3 there is no such thing.",
        "Exit-Codes: 0 erledigt, 1 etwas ist nicht lesbar und wurde genannt, 2 Befehl falsch, 3 nicht vorhanden.",
    ),
    (
        "As it was at this moment, also between two backups: as 2026-11-22 09:30 (in UTC), or how long ago, as 2h",
        "Wie es in diesem Augenblick war, auch zwischen zwei Backups: etwa 2026-11-22 09:30 (in UTC), oder wie lange das her ist, etwa 2h",
    ),
    (
        "The folder of backups, made if it is not there",
        "Ordner mit den Backups; fehlt er, wird er angelegt",
    ),
    (
        "Encrypts to this public key; may be given several times, each of their keys opens it",
        "Verschlüsselt für diesen öffentlichen Schlüssel; mehrfach möglich, jeder der Schlüssel öffnet es",
    ),
    (
        "Encrypts nothing, though the folder's last backup is encrypted",
        "Verschlüsselt nichts, obwohl das letzte Backup des Ordners verschlüsselt ist",
    ),
    (
        "Reads what is there already, and writes anew what is damaged",
        "Liest, was schon da ist, und schreibt Beschädigtes neu",
    ),
    (
        "The backups of a folder",
        "Die Backups eines Ordners",
    ),
    (
        "Exit codes: 0 done, 1 a backup cannot be read, 2 the command is wrong.",
        "Exit-Codes: 0 erledigt, 1 ein Backup ist nicht lesbar, 2 Befehl falsch.",
    ),
    (
        "The folder of backups",
        "Ordner mit den Backups",
    ),
    (
        "Also whose mail is in each",
        "Auch, wessen Mail in jedem ist",
    ),
    (
        "A file with the key of an encrypted backup, as `postamt backup key` or age-keygen writes it",
        "Datei mit dem Schlüssel eines verschlüsselten Backups, wie `postamt backup key` oder age-keygen sie schreibt",
    ),
    (
        "Reads a backup to its last octet and restores it for a test",
        "Liest ein Backup bis zum letzten Oktett und stellt es zur Probe wieder her",
    ),
    (
        "It needs the room of a whole data folder for the test restore; with --in-place it needs none, and checks the same rows where they lie.",
        "Die Probe braucht den Platz eines ganzen Datenordners; mit --in-place braucht sie keinen und prüft dieselben Datensätze, wo sie liegen.",
    ),
    (
        "Exit codes: 0 good, 1 damaged, 2 the command is wrong, 3 there is no such backup.",
        "Exit-Codes: 0 gut, 1 beschädigt, 2 Befehl falsch, 3 kein solches Backup.",
    ),
    (
        "Which of its backups [default: the newest]; the beginning of its name is enough",
        "Welches der Backups [Vorgabe: das neueste]; der Anfang seines Namens genügt",
    ),
    (
        "All of them",
        "Alle",
    ),
    (
        "Where the test restore goes [default: the system's folder for temporary files]",
        "Wohin die Probe geht [Vorgabe: der Ordner des Systems für temporäre Dateien]",
    ),
    (
        "Writes files anew of which the disk lost a part that is had again by their parity",
        "Schreibt Dateien neu, von denen die Platte einen Teil verlor, der sich durch ihre Parität wiederherstellen lässt",
    ),
    (
        "Without a test restore",
        "Ohne Wiederherstellung zur Probe",
    ),
    (
        "One JSON object for each backup instead of text",
        "Ein JSON-Objekt je Backup statt Text",
    ),
    (
        "Brings back everything, an account, a mailbox or a message",
        "Bringt alles, ein Konto, einen Mailordner oder eine Nachricht zurück",
    ),
    (
        "With --account and --all-accounts the server runs; nothing that is there is removed or doubled: a message counts as there in whatever mailbox it lies.
It may be stopped and started again at any time. With --to the server of that folder does not run; with --as-of accounts are as they were then,
passwords, aliases and the queue as in the last backup by then.",
        "Mit --account und --all-accounts läuft der Server; nichts Vorhandenes wird entfernt oder verdoppelt: Eine Nachricht gilt als vorhanden,
in welchem Mailordner sie auch liegt. Abbrechen und neu starten geht jederzeit. Mit --to läuft der Server dieses Ordners nicht;
mit --as-of sind die Konten, wie sie damals waren, Passwörter, Aliase und Warteschlange wie im letzten Backup bis dahin.",
    ),
    (
        "Exit codes: 0 all is there, 1 something is not and was named, 2 the command is wrong, 3 there is no such thing.",
        "Exit-Codes: 0 alles ist da, 1 etwas fehlt und wurde genannt, 2 Befehl falsch, 3 nicht vorhanden.",
    ),
    (
        "Everything, into this data folder, which is empty or not there",
        "Alles, in diesen Datenordner, der leer ist oder fehlt",
    ),
    (
        "Which engine keeps the rows there: fjall or redb [default: fjall]; the server's configuration has to name the same",
        "Welche Engine dort die Zeilen hält: fjall oder redb [Vorgabe: fjall]; die Konfiguration des Servers muss dieselbe nennen",
    ),
    (
        "The mail of each account that is in the backup, or was there at the moment",
        "Die Mail jedes Kontos, das im Backup ist oder zu dem Zeitpunkt da war",
    ),
    (
        "Whose mail in the backup",
        "Wessen Mail im Backup",
    ),
    (
        "Whose mail it becomes [default: the same account's]",
        "Wessen Mail es wird [Vorgabe: dasselbe Konto]",
    ),
    (
        "Only the message with this EMAILID, as IMAP shows it: M and a number",
        "Nur die Nachricht mit dieser EMAILID, wie IMAP sie zeigt: M und eine Zahl",
    ),
    (
        "Beside what is there: into this mailbox, or below it if there are several; also what is there already",
        "Neben das Vorhandene: in diesen Mailordner, bei mehreren darunter; auch was schon da ist",
    ),
    (
        "Removes old backups, and what only they consist of",
        "Entfernt alte Backups und alles, was nur zu ihnen gehört",
    ),
    (
        "What any of the rules keeps, stays. Each counts days, weeks … that have a backup, and keeps the last one of each.",
        "Was eine der Regeln behält, bleibt. Jede zählt Tage, Wochen …, die ein Backup haben, und behält deren letztes.",
    ),
    (
        "Exit codes: 0 done, 1 failed, 2 the command is wrong, 3 there is no such backup.",
        "Exit-Codes: 0 erledigt, 1 gescheitert, 2 Befehl falsch, 3 kein solches Backup.",
    ),
    (
        "These go",
        "Diese verschwinden",
    ),
    (
        "Keeps so many of the newest",
        "Behält so viele der neuesten",
    ),
    (
        "Keeps one of each of so many days",
        "Behält je eines von so vielen Tagen",
    ),
    (
        "Keeps one of each of so many weeks",
        "Behält je eines von so vielen Wochen",
    ),
    (
        "Keeps one of each of so many months",
        "Behält je eines von so vielen Monaten",
    ),
    (
        "Keeps one of each of so many years",
        "Behält je eines von so vielen Jahren",
    ),
    (
        "Only tells what would go",
        "Sagt nur, was verschwinden würde",
    ),
    (
        "Makes a key that backups can be encrypted to",
        "Erzeugt einen Schlüssel, für den sich Backups verschlüsseln lassen",
    ),
    (
        "It prints what --to takes. Keep the file where the backups are not, and a copy of it on paper: without it they cannot be opened. The
server needs only what is printed. The format is age's (age-encryption.org); a key of age-keygen does as well.",
        "Er gibt aus, was --to erwartet. Bewahre die Datei nicht bei den Backups auf und eine Kopie auf Papier: Ohne sie lassen sie sich nicht öffnen.
Der Server braucht nur die Ausgabe. Das Format ist das von age (age-encryption.org); ein Schlüssel von age-keygen geht ebenso.",
    ),
    (
        "The file that the key is written to; it must not be there",
        "Datei, in die der Schlüssel kommt; es darf sie noch nicht geben",
    ),
    // store
    (
        "The store: whether what is in the data folder is as it was written",
        "Der Speicher: ob im Datenordner alles so ist, wie es geschrieben wurde",
    ),
    (
        "Reads everything that is stored, and tells what is damaged: with the running server, or without one",
        "Liest alles Gespeicherte und sagt, was beschädigt ist: mit dem laufenden Server oder ohne einen",
    ),
    (
        "It reads everything once, as fast as the disk does. While the server runs it goes on serving; without one the engine's own files are looked at too.",
        "Es wird alles einmal gelesen, so schnell die Platte kann. Ein laufender Server arbeitet dabei weiter; ohne einen werden auch die Dateien der Engine selbst geprüft.",
    ),
    (
        "Exit codes: 0 sound, 1 damage was found, 2 it could not be checked.",
        "Exit-Codes: 0 in Ordnung, 1 Schäden gefunden, 2 Prüfung nicht möglich.",
    ),
    (
        "Mends a stopped server's store: what is whole stays, counts are made anew, messages that no mailbox has come into one",
        "Repariert den Speicher eines angehaltenen Servers: Heiles bleibt, Summen werden neu gebildet, Nachrichten ohne Mailordner bekommen einen",
    ),
    (
        "The server has to be stopped, and a copy of the data folder is worth its room. No mail is deleted: what is taken out lies in store/aside afterwards, messages as .eml files. Where the store does not open, a new one is made of all that is whole; the old files lie in store/aside then. At the end everything is checked again.",
        "Der Server muss angehalten sein, und eine Kopie des Datenordners ist ihren Platz wert. Keine Mail wird gelöscht: Herausgenommenes liegt danach in store/aside, Nachrichten als .eml-Dateien. Wo sich der Speicher nicht öffnen lässt, entsteht ein neuer aus allem, was heil ist; die alten Dateien liegen dann in store/aside. Am Ende wird alles noch einmal geprüft.",
    ),
    (
        "Exit codes: 0 the store is sound, 1 damage is left, 2 it could not be repaired.",
        "Exit-Codes: 0 Speicher in Ordnung, 1 es bleiben Schäden, 2 Reparatur nicht möglich.",
    ),
    (
        "Tells what would be done, and changes no row; opening ends what a crash left, as a start does",
        "Sagt, was getan würde, und ändert keinen Datensatz; das Öffnen räumt auf, was ein Absturz hinterließ, wie jeder Start",
    ),
];
