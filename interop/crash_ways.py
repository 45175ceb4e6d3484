"""The ways in which crash.py ends a server, or troubles it. Each does one round, and judges."""
import functools, os, resource, shutil, signal, struct, threading, time
from collections import namedtuple
from crash_points import Points

Way = namedtuple("Way", "name work disk shimmed what")


def kill(run, number):
    run.load(number)
    run.killed()
    return run.recovered(number)


def power(run, number):
    run.load(number)
    run.cut()
    return run.recovered(number)


def point(run, number, which=lambda _: True):
    """At a named point, of which all are struck equally often."""
    at = run.points.choose(run.chance, which) if run.points.passed else None
    if not run.again(at):
        return startup_note(run, number, at)
    run.load(number, 0, 0.001)
    hit = run.struck(at, run.options.load) if at else run.reached(run.options.load)
    run.killed()
    return f"{at if hit else f'{at} was not reached'}, {run.recovered(number)}"


def startup_note(run, number, at):
    """It was killed before it was ready."""
    killed_itself(run, at)
    run.hit[at.split(":")[0]] += 1
    run.counts["struck"] += 1
    return f"{at} at the start, {run.recovered(number)}"


def killed_itself(run, at):
    """It was killed at a point before it was ready, and did not end otherwise."""
    run.fault(run.server.process.wait() != -signal.SIGKILL, f"at {at} it does not start: {run.server.said()[-800:]}")


def compaction(run, number):
    """At the points of fjall's tables, and of redb's file being made shorter."""
    return point(run, number, lambda name: name.startswith(("table.", "manifest.", "redb.truncate")))


def power_point(run, number):
    """The process stands still at a named point when the power goes."""
    at = run.points.choose(run.chance, actions=("stop",)) if run.points.passed else None
    run.again(at) if at is None else starting(run, at)
    run.load(number, 0, 0.001)
    hit = at and run.struck(at, run.options.load)
    run.cut()
    return f"{at if hit else f'{at} was not reached'}, {run.recovered(number)}"


def starting(run, at):
    """It may come to the point before it is ready."""
    waiting = threading.Thread(target=run.again, args=(at,))
    waiting.start()
    time.sleep(0.01)
    while waiting.is_alive():
        if run.server.process.poll() is None and run.state() in "Tt":
            return
        time.sleep(0.005)


def startup(run, number):
    """After a kill, the start is killed, up to four times in a row, at one of its first writes or at any time."""
    run.load(number)
    run.killed()
    for _ in range(run.chance.randint(1, 4)):
        run.learn()
        at = f"*:{run.chance.randint(1, 60)}:{run.chance.choice(('kill-before', 'kill-after', 'kill-half'))}"
        if not run.start(at):
            killed_itself(run, at)
            last = run.learn()[-1:]
            run.hit.update(f"startup: {name}" for name in last)
        run.server.kill()
        run.counts["struck"] += 1
    return run.recovered(number)


def birth(run, number):
    """The very first start is killed, at each of its writes in turn."""
    run.server.kill()
    shutil.rmtree(run.site.data, ignore_errors=True)
    run.ledger.forget()
    run.site.kept.clear()
    run.learn()
    births = 1 + (number - 1) // 3
    at = f"*:{births}:{('kill-before', 'kill-after', 'kill-half')[number % 3]}"
    if not run.start(at):
        killed_itself(run, at)
        run.hit.update(f"birth: {name}" for name in run.learn()[-1:])
    run.server.kill()
    run.counts["struck"] += 1
    run.learn()
    run.fault(not run.start(), f"after {at} it does not start: {run.server.said()[-800:]}")
    run.load(number, most=0.1)
    run.killed()
    return run.recovered(number)


# What may fail, and whether it is once or from then on.
FAILING = [(which, on) for which in ("*", "*.write", "*.sync") for on in ("", "-on")]


def fails(run, number, error):
    """The nth change, write or sync fails, once or from then on until the disk is well again; for each n = 1, 2, 3, … until a round
    has not so many, and again from 1."""
    kind, nth = FAILING[number % len(FAILING)], (number - 1) // len(FAILING)
    nth = nth % run.nths.get(kind, nth + 1) + 1
    at = f"{kind[0]}:{nth}:fail-{error}{kind[1]}"
    until = f"{run.server.folder}/well"
    if os.path.exists(until):
        os.unlink(until)
    said = run.site.log_octets()
    ready = run.again(at, SHIM_UNTIL=until)
    if ready:
        run.load(number, most=0.25)
        open(until, "w", encoding="ascii").close()
        time.sleep(0.15)
    refusals = run.site.calm() if ready else []
    ended = run.server.process.poll()
    log, passed = run.site.log_since(said), run.learn()
    happened = sum(not point.endswith(".open") if kind[0] == "*" else point.endswith(kind[0][1:]) for point in passed)
    run.fault("panicked" in log, f"{at}: {log[log.find('panicked') - 300:][:900]}")
    run.fault((not ready or ended is not None or refusals) and not any(word in log for word in ("WARN", "ERROR", "postamt:")),
              f"{at}: it says nothing in the log, and {'has ended' if ended is not None else refusals[:2]}: {log[-600:]}")
    run.server.kill()
    if happened >= nth:
        run.counts["struck"] += 1
        run.hit[at] += 1
    else:
        run.nths[kind] = max(nth - 1, 1)
        at += ", which was not reached,"
    state = "did not start" if not ready else f"ended with {ended}" if ended is not None else f"{len(refusals)} refused"
    return f"{at} of {happened}, {state}, {run.recovered(number)}"


def clock(run, number):
    """The wall clock jumps by days, forth and back, amid load."""
    with open(run.points.clock, "wb") as file:
        file.write(struct.pack("<q", 0))
    run.again(None, SHIM_CLOCK=run.points.clock)
    run.load(number, most=0.05)
    for _ in range(3):
        with open(run.points.clock, "r+b") as file:
            file.write(struct.pack("<q", run.chance.choice((-86400, 86400, 2 * 86400, -3600, 0))))
        time.sleep(0.1)
    if number % 2:
        run.killed()
        return run.recovered(number)
    return unharmed(run, number)


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


def two(run, number):
    """Another server and a restore want the same data folder: each is refused with a sentence; the first one does not notice."""
    if not os.path.exists(run.site.backups):
        run.succeeds("backup", "create", run.site.backups, "--config", run.server.config)
    run.load(number, most=0.1)
    for arguments, sentence in ((("serve", "--config", run.site.second()), "is in use by another process"),
                                (("backup", "restore", run.site.backups, "--to", run.site.data), "is not empty")):
        output, status = run.command(*arguments).ended()
        run.fault(status == 0 or sentence not in output, f"{arguments}: exit status {status}, {output[-300:]}")
    if number % 4:
        return unharmed(run, number)
    run.killed()
    return run.recovered(number)


def emfile(run, number):
    """The server may open no more files for a while: it takes no connections, and refuses what needs a file; then it goes on."""
    run.load(number, most=0.1)
    open_now, process = len(os.listdir(f"/proc/{run.server.process.pid}/fd")), run.server.process.pid
    limits = resource.prlimit(process, resource.RLIMIT_NOFILE)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (max(8, open_now + run.chance.randint(-20, 4)), limits[1]))
    time.sleep(run.chance.uniform(0.1, 0.3))
    resource.prlimit(process, resource.RLIMIT_NOFILE, limits)
    time.sleep(0.05)
    refusals = run.site.calm()
    run.fault(run.server.process.poll() is not None, "the server has ended")
    run.server.kill()
    run.counts["struck"] += 1
    return f"{len(refusals)} refused, {run.recovered(number)}"


def backup(run, number):
    """`backup create` is killed, again and again, amid load; the one that ends is good."""
    create = ("backup", "create", run.site.backups, "--config", run.server.config)
    run.load(number, most=0.05)
    for _ in range(3):
        run.interrupted(run.backups, *create)
    run.site.calm()
    run.succeeds(*create)
    run.succeeds("backup", "verify", run.site.backups)
    run.succeeds("backup", "forget", run.site.backups, "--keep-daily", "1")
    return f"{run.judge.judge()} in doubt"


def restore(run, number):
    """`backup restore --to` is killed, and begun again; then the restored folder takes the place of the other one, and has everything."""
    run.load(number)
    run.site.calm()
    run.judge.judge()
    run.succeeds("backup", "create", run.site.backups, "--config", run.server.config)
    whole, restored = ("backup", "restore", run.site.backups, "--backend", run.engine, "--to"), f"{run.site.data}.restored"
    shutil.rmtree(restored, ignore_errors=True)
    points = Points(run.server.folder, restored)
    points.passed.update(run.points.passed)
    points.struck = run.restores
    for _ in range(run.chance.randint(1, 4)):
        if not run.interrupted(points, *whole, restored):
            break
        if os.path.exists(f"{restored}/restore-unfinished"):
            output, status = run.command("serve", "--config", run.site.second(restored)).ended()
            run.fault(status == 0 or "has not ended" not in output, f"a server starts on what is half restored: {output[-300:]}")
    # The mark comes before the store, and goes at the end.
    if os.path.exists(f"{restored}/restore-unfinished") or not os.path.exists(f"{restored}/store"):
        run.succeeds(*whole, restored)
    run.server.kill()
    shutil.rmtree(run.site.data)
    os.rename(restored, run.site.data)
    note = run.recovered(0)
    run.succeeds("queue", "release", "--all", "--config", run.server.config, status=(0, 3))
    return note


WAYS = {way.name: way for way in (
    Way("kill", kill, "memory", False, "kill -9 at a random instant"),
    Way("point", point, "memory", True, "kill -9 before, behind or in the midst of each named write, sync, rename, …"),
    Way("power", power, "image", False, "the power of an ext4 file system is cut at a random instant"),
    Way("power-point", power_point, "image", True, "the same while the server stands at a named point"),
    Way("startup", startup, "memory", True, "a start after a kill is killed as well, up to four times"),
    Way("birth", birth, "memory", True, "the first start of all is killed at each of its writes"),
    Way("compaction", compaction, "memory", True, "kill -9 at the points of flushing and merging"),
    Way("eio", functools.partial(fails, error="EIO"), "memory", True, "the nth change, write or sync of the disk fails, once or from then on"),
    Way("enospc", functools.partial(fails, error="ENOSPC"), "memory", True, "the nth change, write or sync of the disk finds no space, once or for a while"),
    Way("emfile", emfile, "memory", False, "no more files can be opened for a while"),
    Way("stop", stop, "memory", False, "SIGSTOP, and SIGCONT or kill -9"),
    Way("clock", clock, "memory", True, "the wall clock jumps by days, forth and back"),
    Way("two", two, "memory", False, "a second server and a restore on its data folder"),
    Way("backup", backup, "memory", True, "`postamt backup create` killed at its points amid load"),
    Way("restore", restore, "memory", True, "`postamt backup restore` killed at its points; the server goes on with what was restored"),
)}
