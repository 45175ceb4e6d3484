#!/usr/bin/env python3
"""Real programs against a fresh server: what they put in comes out octet by octet, and they agree with it on the rest.

    interop/clients.py [--messages N] [PART-OF-A-NAME ...]

--messages is how many mbsync and offlineimap are to bring into line (1,000).

Uses whichever are installed: swaks curl mbsync offlineimap mutt neomutt imapfilter getmail fetchmail. A client that is not
is skipped. Closes with `N passed, M failed`.
"""
import argparse, sys
import curl, fetchers, library, readers, senders, syncing, views
from harness import Server, Tally

parser = argparse.ArgumentParser()
parser.add_argument("--messages", type=int, default=1000)
given, sys.argv[1:] = parser.parse_known_args()
server, tally = Server(), Tally()
for part in (senders, curl, library, views):
    part.checks(tally, server)
syncing.checks(tally, server, given.messages)
for part in (readers, fetchers):
    part.checks(tally, server)
tally.check("the server stops cleanly", server.stop)
tally.end()
