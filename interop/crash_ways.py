"""The ways in which crash.py ends a server, or troubles it. Each does one round, and judges."""
import os, resource, shutil, signal, time
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


def two(run, number):
    """Another server and a restore want the same data folder: each is refused with a sentence; the first one does not notice."""
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
        run.interrupted(run.site.backups, *create)
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
    whole, restored = ("backup", "restore", run.site.backups, "--to"), f"{run.site.data}.restored"
    shutil.rmtree(restored, ignore_errors=True)
    for _ in range(run.chance.randint(1, 4)):
        run.interrupted(restored, *whole, restored)
        if os.path.exists(f"{restored}/restore-unfinished"):
            output, status = run.command("serve", "--config", run.site.second(restored)).ended()
            run.fault(status == 0 or "has not ended" not in output, f"a server starts on what is half restored: {output[-300:]}")
    if os.path.exists(f"{restored}/restore-unfinished") or not os.path.exists(restored):
        run.succeeds(*whole, restored)
    run.server.kill()
    shutil.rmtree(run.site.data)
    os.rename(restored, run.site.data)
    note = run.recovered(0)
    run.succeeds("queue", "release", "--all", "--config", run.server.config, status=(0, 3))
    return note


WAYS = {way.name: way for way in (
    Way("kill", kill, "memory", False, "kill -9 at a random instant"),
    Way("power", power, "image", False, "the power of an ext4 file system is cut at a random instant"),
    Way("two", two, "memory", False, "a second server and a restore on its data folder"),
    Way("emfile", emfile, "memory", False, "no more files can be opened for a while"),
    Way("backup", backup, "memory", False, "`postamt backup create` killed amid load"),
    Way("restore", restore, "memory", False, "`postamt backup restore` killed; the server goes on with what was restored"),
    Way("stop", stop, "memory", False, "SIGSTOP, and SIGCONT or kill -9"),
)}
