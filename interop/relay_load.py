#!/usr/bin/env python3
"""Healthy destinations must not wait for sick ones.

    interop/relay_load.py [--deliveries N] [--destinations D]

N deliveries (50,000) to D destinations (500), which are scripted exchangers on 127.x.y.z found by our own name server. First
the healthy two thirds alone, then with the sick third in the same messages: slow (seconds for each answer), silent (accepts,
never greets), dead (nobody listens), deferring, refusing, without DNS. Prints how long the healthy ones took either way
(wanted: at most 1.5 times), and postamt's peak of memory (wanted: 200 MB). Closes with `N passed, M failed`.
"""
import argparse, asyncio, sys, threading, time
from harness import Server, Tally, free_ports
from letters import letter
from world import Bringer, Exchanger, Names

PER_MESSAGE, SLOW_S, PATIENCE_S = 50, 10, 600
SICK = ("slow", "silent", "dead", "deferring", "refusing", "nameless")


def address(n):
    return f"127.77.{n // 200 + 1}.{n % 200 + 1}"


class World:
    def __init__(self, destinations):
        self.kinds = {n: SICK[n // 3 % len(SICK)] if n % 3 == 2 else "healthy" for n in range(destinations)}
        self.by_address = {address(n): kind for n, kind in self.kinds.items()}
        self.names, self.counts, self.seen, self.healthy_at = Names(), {}, set(), 0.0
        for n, kind in self.kinds.items():
            self.names.exchanger(f"d{n}.test", address(n))
            if kind == "nameless":
                self.names.zone[f"d{n}.test"] = "fails" if n % 2 else None
        port = free_ports(1)[0]
        self.exchanger = Exchanger([address(n) for n, kind in self.kinds.items() if kind != "dead"], port, self.taken, self.behave)

    def taken(self, taken):
        for recipient in taken.recipients:
            kind = self.kinds[int(recipient.split("@d")[1].split(".")[0])]
            self.counts[kind] = self.counts.get(kind, 0) + 1
            if kind == "healthy":
                self.healthy_at = time.monotonic()
                key = (taken.sender, recipient)
                assert key not in self.seen, f"{key} twice"
                self.seen.add(key)

    async def behave(self, at, verb, _):
        kind = self.by_address[at]
        if kind == "healthy":
            return None
        if kind == "slow":
            await asyncio.sleep(SLOW_S)
        elif kind == "silent":
            await asyncio.sleep(3600)
        elif kind == "deferring" and verb == "RCPT":
            return b"451 4.7.1 come back later\r\n"
        elif kind == "refusing" and verb == "RCPT":
            return b"550 5.1.1 nobody\r\n"
        return None


def measure(options, with_sick):
    """Seconds until the healthy ones have everything, and the peak of memory."""
    world = World(options.destinations)
    outbound = f'[outbound]\ndns = ["{world.names.at}"]\nport = {world.exchanger.port}\nip = "ipv4-only"'
    server = Server(outbound, 'relay_from = ["127.0.0.0/8"]', 2)
    try:
        chosen, wanted, total = [], 0, options.deliveries // PER_MESSAGE
        for n in range(total):
            to = [(n * PER_MESSAGE + k) % options.destinations for k in range(PER_MESSAGE)]
            healthy = [d for d in to if world.kinds[d] == "healthy"]
            wanted += len(healthy)
            chosen.append((n, to if with_sick else healthy))
        server.forget_peak()
        begun = time.monotonic()
        bringers = [threading.Thread(target=bring, args=(server, chosen[k::4]), daemon=True) for k in range(4)]
        for thread in bringers:
            thread.start()
        for thread in bringers:
            thread.join()
        brought = time.monotonic() - begun
        while len(world.seen) < wanted and time.monotonic() - begun < PATIENCE_S:
            time.sleep(0.05)
        assert len(world.seen) == wanted, f"after {PATIENCE_S} s the healthy have {len(world.seen)} of {wanted}; {world.counts}"
        took, peak = world.healthy_at - begun, server.memory("VmHWM") / 1e6
        print(f"      {'with' if with_sick else 'without'} the sick: {wanted} healthy deliveries in {took:.1f} s ({wanted / took:.0f}/s), all accepted after {brought:.1f} s, "
              f"peak {peak:.0f} MB; taken by {dict(world.counts)}, {world.exchanger.connections} connections, at most {world.exchanger.most} at once", flush=True)
        return took, peak
    finally:
        server.remove()
        world.exchanger.close()


def bring(server, messages):
    bringer = Bringer(server.ports["smtp"])
    for n, destinations in messages:
        if destinations:
            bringer.bring(f"u1+{n}@test.local", [f"r{n}@d{d}.test" for d in destinations], letter(41, f"load{n}", 3000))
    bringer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deliveries", type=int, default=50_000)
    parser.add_argument("--destinations", type=int, default=500)
    options = parser.parse_args()
    sys.argv[1:] = []
    tally, figures = Tally(), {}

    def alone():
        figures["alone"] = measure(options, False)

    def mixed():
        figures["mixed"] = measure(options, True)

    def ratio():
        found = figures["mixed"][0] / figures["alone"][0]
        assert found <= 1.5, f"{found:.2f} times"
        return f"{found:.2f} times"

    def memory():
        peak = max(peak for _, peak in figures.values())
        assert peak <= 200, f"{peak:.0f} MB"
        return f"{peak:.0f} MB"

    tally.check("the healthy alone", alone)
    tally.check("the healthy among the sick", mixed)
    if len(figures) == 2:
        tally.check("they took at most 1.5 times as long", ratio)
        tally.check("memory", memory)
    tally.end()


main()
