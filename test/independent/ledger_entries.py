"""The entries of a log with Python's standard library alone, from docs/ledger-format.md, and the newest version of each statement."""
import base64, hashlib, json, os, re
from raw_readings import Bad


def sha256(data):
    return hashlib.sha256(data).digest()


def root_of(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + root_of(leaves[:split]) + root_of(leaves[split:]))


def tile_path(index):
    digits = "%03d" % index
    while len(digits) % 3:
        digits = "0" + digits
    parts = re.findall("...", digits)
    return "/".join(["x" + part for part in parts[:-1]] + parts[-1:])


def entries_of(log):
    """Every entry of the log, whose root must be the one in the checkpoint."""
    _, size, root = open(os.path.join(log, "checkpoint"), encoding="utf-8").read().split("\n")[:3]
    entries = []
    for index in range((int(size) + 255) // 256):
        width = min(256, int(size) - index * 256)
        path = os.path.join(log, "tile/entries", tile_path(index) + ("" if width == 256 else ".p/%d" % width))
        data, at = open(path, "rb").read(), 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 2], "big")
            entries.append(data[at + 2 : at + 2 + length])
            at += 2 + length
    if root_of([sha256(b"\x00" + entry) for entry in entries]) != base64.b64decode(root):
        raise Bad("the entries do not lead to the signed root")
    return entries


def newest_of(entries, limit):
    """By point, kind and start the newest version before a leaf; each must name the one that it supersedes."""
    newest = {}
    for entry in entries[:limit]:
        statement = json.loads(entry)
        if statement["type"] != "statement":
            continue
        key = (statement["point"], statement["kind"], statement["start"])
        version, name = (newest[key][0]["version"], newest[key][1]) if key in newest else (0, "")
        if statement["version"] != version + 1 or statement["supersedes"] != name:
            raise Bad("version %d of %s does not follow" % (statement["version"], key))
        newest[key] = (statement, hashlib.sha256(entry).hexdigest())
    return newest
