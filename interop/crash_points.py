"""The named points between a server's writes, and which of them were struck: interop/shim.c, which is loaded before the server."""
import collections, os, subprocess
from harness import Skip, need

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "shim.c")
TARGET = os.path.join(HERE, "..", "target")
ACTIONS = ("kill-before", "kill-after", "kill-half")
# Of a point that is passed often in a round, one of its first so many times.
TIMES_MAX = 40


def shim():
    """The compiled shim's path."""
    if not os.path.exists(SOURCE):
        raise Skip("there is no interop/shim.c")
    need("cc")
    os.makedirs(TARGET, exist_ok=True)
    built = os.path.join(TARGET, "shim.so")
    if not os.path.exists(built) or os.path.getmtime(built) < os.path.getmtime(SOURCE):
        fresh = f"{built}.{os.getpid()}"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", fresh, SOURCE, "-ldl", "-lpthread"], check=True)
        os.replace(fresh, built)
    return built


class Points:
    """How often each is passed in a round, and how often it was struck."""

    def __init__(self, site):
        self.site, self.library = site, shim()
        self.file = os.path.join(site.server.folder, "points")
        self.passed, self.struck = collections.Counter(), collections.Counter()

    def environment(self, at=None, **more):
        shim = {"LD_PRELOAD": self.library, "SHIM_UNDER": self.site.data, "SHIM_POINTS": self.file}
        return shim | ({"SHIM_AT": at} if at else {}) | more

    def learn(self):
        """What the last round has passed."""
        try:
            with open(self.file, encoding="utf-8", errors="replace") as lines:
                seen = collections.Counter(line.strip() for line in lines)
        except FileNotFoundError:
            return
        os.unlink(self.file)
        for point, count in seen.items():
            self.passed[point] = max(self.passed[point], count)

    def choose(self, chance, which=lambda _: True):
        """The point that was struck least, the time when, and how."""
        able = [(point, action) for point in self.passed if which(point) for action in ACTIONS]
        least = min(self.struck[each] for each in able)
        point, action = chance.choice([each for each in able if self.struck[each] == least])
        # Also what is hard to reach is left alone for a while.
        self.struck[point, action] += 0
        return point, chance.randint(1, min(TIMES_MAX, self.passed[point])), action
