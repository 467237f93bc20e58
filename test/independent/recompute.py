#!/usr/bin/env python3
"""Recomputes a settlement with Python's standard library alone, from docs/ledger-format.md and docs/measurement-model.md: the
statements of the log from the raw bytes of the journal, and from these versions, edges, sums, double entry, hashes, rounding,
money and the root of the lines. Prints one line of JSON, or what does not agree and ends with 1.

    recompute.py DATA_DIR SETTLEMENT_FOLDER [--from-statements]

With --from-statements it believes the statements of the log, and does not ask the raw bytes.
"""
import base64, datetime, hashlib, json, os, sys
from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from ledger_entries import entries_of, newest_of, root_of, sha256
from raw_readings import Bad
from recompute_raw import recompute

getcontext().prec = 60
KWH_UJ = 3_600_000_000_000
FINAL = ("actual", "verified", "scaled", "interpolated", "like-day", "derived")


def bad(text):
    print(json.dumps({"bad": text}))
    sys.exit(1)


def seconds(text):
    stamp = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    return int(stamp.replace(tzinfo=datetime.timezone.utc).timestamp())


def check_statement(statement):
    """A number is there exactly where its quality says so, and is the difference of the curve at its two edges."""
    energy = statement.get("energy_uj")
    if (energy is None) != (statement["quality"] in ("missing", "refused")):
        bad("%s at %s has energy where it has none, or none" % (statement["point"], statement["start"]))
    edges = {anchors["edge"]: int(anchors["energy_uj"]) for anchors in statement["anchors"]}
    if energy is not None and len(statement["anchors"]) == 2 and len(edges) == 2:
        if int(energy) != edges["until"] - edges["from"]:
            bad("%s at %s is not the difference of its edges" % (statement["point"], statement["start"]))
        return True
    return False


def rounded(exact, text):
    """`exact` with as many places as this text has, a half to the even neighbour."""
    places = len(text.partition(".")[2])
    return exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)


def check_line(line):
    """kWh, kW and money of one line, rounded once."""
    energy = Decimal(line.get("energy_uj", "0"))
    if line["line"] in ("energy", "uplift") and rounded(energy / KWH_UJ, line["kwh"]) != Decimal(line["kwh"]):
        bad("kWh of %s" % line)
    if line["line"] == "demand":
        power = Decimal(line["power_w"]) / 1000
        if abs(power - Decimal(line["kw"])) > Decimal("0.5000001").scaleb(-len(line["kw"].partition(".")[2])):
            bad("kW of %s" % line)
    if "price" in line:
        amount = Decimal(line.get("kwh", line.get("kw"))) * Decimal(line["price"])
        if rounded(amount, line["amount"]) != Decimal(line["amount"]):
            bad("amount of %s" % line)


def check_account(account, lines):
    own = [line for line in lines if line.get("account") == account and line["line"] != "difference"]
    total = next(line for line in own if line["line"] == "total")
    remainder = next(line for line in own if line["line"] == "remainder")
    counted = [line for line in own if line["line"] in ("energy", "uplift")]
    energy = sum(int(line["energy_uj"]) for line in counted if line["line"] == "energy")
    if energy != int(total["energy_uj"]) or energy != sum(int(uj) for uj in total["quality_uj"].values()):
        bad("total energy of %s" % account)
    if sum(Decimal(line["kwh"]) for line in counted) != Decimal(total["kwh"]):
        bad("total kWh of %s" % account)
    lines_uj = sum(Decimal(line["kwh"]) * KWH_UJ for line in counted)
    if sum(int(line["energy_uj"]) for line in counted) - lines_uj != int(remainder["energy_uj"]):
        bad("remainder of %s" % account)
    if "amount" in total and sum(Decimal(line["amount"]) for line in own if "price" in line) != Decimal(total["amount"]):
        bad("amount of %s" % account)
    return energy


def parts_of(line, start, newest):
    """Hashes of the parts by which a meter was divided in an interval, nodes by name."""
    for span in line.get("divided_by", ()):
        if seconds(span["from"]) <= seconds(start) < seconds(span["until"]):
            keys = [(node, "allocated", start) for node in span["nodes"]]
            return b"".join(bytes.fromhex(newest[key][1]) for key in keys if key in newest)
    return b""


def check_meter(line, lines, newest, document):
    """What a meter counted, which statements were used, and that everything went somewhere."""
    point, from_s, until_s = line["meter"], seconds(document["from"]), seconds(document["until"])
    from_s = seconds(line["from"]) if "from" in line else from_s
    kind = "corrected" if point.startswith("node/") else "metered"
    found = sorted(
        (start, statement, name)
        for (at, of, start), (statement, name) in newest.items()
        if at == point and of == kind and from_s <= seconds(start) < until_s
    )
    measured = sum(int(statement.get("energy_uj", "0")) for _, statement, _ in found)
    if measured != int(line["measured_uj"]):
        bad("%s measured %d µJ" % (point, measured))
    settled = [1 for _, statement, _ in found if "energy_uj" in statement and statement["quality"] in FINAL]
    if len(settled) != line["settled"]:
        bad("%s has %d settled intervals" % (point, len(settled)))
    used = b"".join(bytes.fromhex(name) + parts_of(line, start, newest) for start, _, name in found)
    if line["statements_sha256"] != hashlib.sha256(used).hexdigest():
        bad("%s: not the statements that were used" % point)
    posted = [one for one in lines if one["line"] == "energy" and one["meter"] == point]
    to_accounts = sum(int(one["energy_uj"]) for one in posted)
    if to_accounts != int(line["to_accounts_uj"]):
        bad("%s posts %d µJ" % (point, to_accounts))
    if measured + int(line["joined_uj"]) != int(line["to_meters_uj"]) + to_accounts:
        bad("%s does not balance" % point)
    return int(line["to_accounts_uj"])


def main():
    data_dir, folder = sys.argv[1:3]
    raw_counts = None if "--from-statements" in sys.argv else recompute(data_dir)
    entries = entries_of(os.path.join(data_dir, "log"))
    entry = open(os.path.join(folder, "entry.json"), "rb").read()
    if entry not in entries:
        bad("the settlement is not in the log")
    document = json.loads(entry)["document"]
    newest = newest_of(entries, entries.index(entry))
    edges = sum(check_statement(statement) for statement, _ in newest.values())

    raw = open(os.path.join(folder, "lines.jsonl"), "rb").read().split(b"\n")[:-1]
    root = base64.b64encode(root_of([sha256(b"\x00" + line) for line in raw])).decode()
    if root != document["lines_root"] or len(raw) != document["lines_count"]:
        bad("the lines are not those whose root was signed")
    lines = [json.loads(line) for line in raw]
    for line in lines:
        check_line(line)
    accounts = sorted({line["account"] for line in lines if line["line"] == "total"})
    energy = sum(check_account(account, lines) for account in accounts)
    meters = [line for line in lines if line["line"] == "meter"]
    posted = sum(check_meter(line, lines, newest, document) for line in meters)
    if energy != posted:
        bad("accounts have %d µJ of the %d that meters posted" % (energy, posted))
    print(
        json.dumps(
            {
                "entries": len(entries),
                "statements": len(newest),
                "with_edges": edges,
                "lines": len(lines),
                "accounts": len(accounts),
                "meters": len(meters),
                "energy_uj": str(energy),
                **({} if raw_counts is None else {"raw": raw_counts}),
            }
        )
    )


if __name__ == "__main__":
    try:
        main()
    except Bad as trouble:
        bad(str(trouble))
