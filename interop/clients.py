#!/usr/bin/env python3
"""Real programs against a fresh server: what they put in comes out octet by octet, and they agree with it on the rest.

    interop/clients.py [PART-OF-A-NAME ...]

Uses whichever are installed: swaks curl mbsync offlineimap mutt neomutt imapfilter getmail fetchmail. A client that is not
is skipped. Closes with `N passed, M failed`.
"""
import curl, fetchers, library, readers, senders, syncing, views
from harness import Server, Tally

server, tally = Server(), Tally()
for part in (senders, curl, library, views, syncing, readers, fetchers):
    part.checks(tally, server)
tally.check("the server stops cleanly", server.stop)
tally.end()
