#!/usr/bin/env python3
"""The real server under mixed load, killed and cut off in every way: nothing that it promised is lost.

    cargo xtask crash [WAY…] [--rounds N] [--engine fjall|redb|both] [--seed S] [--round R] [--jobs J]
    cargo xtask crash --sum [OF]   what all runs found, added up
    cargo xtask crash --list       the ways

SMTP, LMTP, submission with relaying, IMAP and POP3 clients change one server's mail at once and note what they were promised. Then
the server is ended, started again, and everything is compared by IMAP and POP3. One data folder lasts all rounds of a way. Closes with
`N passed, M failed`; docs/crashes.md tells more.
"""
import argparse, os, signal, subprocess, sys, time
from crash_results import print_sum
from crash_run import Run
from crash_ways import WAYS
from harness import Skip, Tally

ENGINES = ("fjall", "redb")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ways", nargs="*", metavar="WAY", help="those of --list [default: all]")
    parser.add_argument("--rounds", type=int, default=20, help="of each way on each engine")
    parser.add_argument("--engine", choices=(*ENGINES, "both"), default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int, help="only this one")
    parser.add_argument("--first", type=int, default=1, help="begin with this one")
    parser.add_argument("--load", type=float, default=0.4, help="seconds of load at most in a round")
    parser.add_argument("--jobs", type=int, default=1, help="so many processes side by side, each with a seed of its own")
    parser.add_argument("--patience", type=float, default=60, help="seconds for what waits in the queue at the end")
    parser.add_argument("--folder", default="", help="where data lies, instead of the file system that fits the way")
    parser.add_argument("--sabotage", choices=("no-sync",), help="a server that does not sync, which must be found out")
    parser.add_argument("--minutes", type=float, default=0, help="no further rounds of a way after so many minutes")
    parser.add_argument("--sum", nargs="?", const="", metavar="OF", help="what all runs found, added up; or those of a commit, a binary, a day")
    parser.add_argument("--list", action="store_true", help="the ways")
    options = parser.parse_args()
    for way in options.ways:
        if way not in WAYS:
            parser.error(f"there is no way {way}: {', '.join(WAYS)}")
    return options


def pause():
    """Others may measure something: POSTAMT_CRASH_PAUSE names a file that is there as long."""
    path = os.environ.get("POSTAMT_CRASH_PAUSE")
    while path and os.path.exists(path):
        time.sleep(1)


def one_way(tally, way, engine, options, number):
    name = f"{way.name} on {engine}"
    try:
        run = Run(way, engine, options, number)
    except Skip as why:
        return tally.check(name, skip, why)
    until = time.monotonic() + (options.minutes or 1e6) * 60
    try:
        for which in [options.round] if options.round else range(options.first, options.first + options.rounds):
            if time.monotonic() > until:
                break
            pause()
            tally.check(f"{name}, seed {options.seed}, round {which}", run.round, which)
        tally.check(f"{name}: everything that was promised", run.ended)
    finally:
        run.close()


def skip(why):
    raise why


def side_by_side(options):
    """Each with every argument, but for its seed."""
    command = [sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--jobs", "1", "--seed"]
    jobs = [subprocess.Popen([*command, str(options.seed + n)]) for n in range(options.jobs)]
    sys.exit(max(job.wait() for job in jobs))


def main():
    options = arguments()
    if options.sum is not None:
        return print_sum(options.sum)
    if options.list:
        return print("\n".join(f"{way.name:12} {way.what}" for way in WAYS.values()))
    if options.jobs > 1:
        side_by_side(options)
    sys.argv[1:] = []
    # Also what was found until it was ended counts.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tally = Tally()
    for engine in ENGINES if options.engine == "both" else [options.engine]:
        for way in options.ways or WAYS:
            one_way(tally, WAYS[way], engine, options, options.seed)
    tally.end()


main()
