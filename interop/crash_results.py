"""What crash.py's runs found, one JSON line each, and all of them added up."""
import collections, hashlib, json, os, subprocess, time
from harness import POSTAMT

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.environ.get("POSTAMT_CRASH_RESULTS") or os.path.join(HERE, "..", "target", "crash-results.jsonl")
# By kind of fault, as the ledger has them; `other` are those that concern no message: an exit code, a sentence that is not there.
FAULTS = ("lost", "torn", "doubled", "ghost", "reused", "flags", "other")
COUNTS = ("rounds", "struck", "acknowledged", "in_doubt", *FAULTS, "doubled_in_flight", "doubled_outside")


def binary():
    with open(POSTAMT, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def commit():
    """Of the folder; that of the binary, unless POSTAMT names another one."""
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    return asked.stdout.strip() or None


def append(record):
    record |= {"date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()), "commit": commit(), "binary": binary()}
    os.makedirs(os.path.dirname(RESULTS), exist_ok=True)
    with open(RESULTS, "a", encoding="utf-8") as out:
        out.write(json.dumps(record) + "\n")


def all_of_them():
    try:
        with open(RESULTS, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]
    except FileNotFoundError:
        return []


def print_sum(of=""):
    """Of all runs, or those of a commit, a binary or a day: by how it begins."""
    sums, points = collections.defaultdict(collections.Counter), collections.defaultdict(set)
    for record in all_of_them():
        if record.get("sabotage") or not any(str(record.get(name)).startswith(of) for name in ("commit", "binary", "date")):
            continue
        for key in ((record["kind"], record["engine"]), ("all", "both")):
            sums[key].update({name: record.get(name, 0) for name in COUNTS} | {"runs": 1})
            points[key].update(record.get("points", {}))
    columns = ("runs", *COUNTS)
    print(f"| way | engine | {' | '.join(name.replace('_', ' ') for name in columns)} | points |\n|{'---|' * (len(columns) + 3)}")
    for key in sorted(sums, key=lambda key: (key[0] == "all", key)):
        print(f"| {key[0]} | {key[1]} | {' | '.join(f'{sums[key][name]:,}' for name in columns)} | {len(points[key]) or '–'} |")
