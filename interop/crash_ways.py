"""The ways in which crash.py ends a server, or troubles it. Each does one round, and judges."""
import os, signal, time
from collections import namedtuple

Way = namedtuple("Way", "name work disk shimmed what")


def kill(run, number):
    run.load(number)
    run.killed()
    return run.recovered(number)


def power(run, number):
    run.load(number)
    run.cut()
    return run.recovered(number)


def stop(run, number):
    """The clients wait, and go on; every third time it is killed while it stands still."""
    run.load(number, most=0.1)
    run.server.process.send_signal(signal.SIGSTOP)
    time.sleep(run.chance.uniform(0.05, 0.3))
    if number % 3 == 0:
        run.killed()
        return run.recovered(number)
    run.server.process.send_signal(signal.SIGCONT)
    time.sleep(0.1)
    return unharmed(run, number)


def unharmed(run, number):
    """Nothing was refused, and it runs on."""
    refusals = run.site.calm()
    assert not refusals, f"refused without a reason: {refusals[:2]}"
    assert run.server.process.poll() is None, "it has ended"
    run.counts["struck"] += 1
    doubts = run.judge.judge()
    return f"{doubts} in doubt"


WAYS = {way.name: way for way in (
    Way("kill", kill, "memory", False, "kill -9 at a random instant"),
    Way("power", power, "image", False, "the power of an ext4 file system is cut at a random instant"),
    Way("stop", stop, "memory", False, "SIGSTOP, and SIGCONT or kill -9"),
)}
