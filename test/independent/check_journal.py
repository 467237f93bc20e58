#!/usr/bin/env python3
"""Checks a ledger with Python's standard library alone, from docs/ledger-format.md: the tree from its entries, and every
sealed block from the raw records of the journal. Prints one line of JSON with what it found.

    check_journal.py DATA_DIR
"""
import base64, hashlib, json, os, re, struct, sys

TABLE = []
for byte in range(256):
    crc = byte
    for _ in range(8):
        crc = (crc >> 1) ^ 0x82F63B78 if crc & 1 else crc >> 1
    TABLE.append(crc)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def bad(text):
    print(json.dumps({"bad": text}))
    sys.exit(1)


def root_of(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


def tile_path(index):
    digits = "%03d" % index
    while len(digits) % 3:
        digits = "0" + digits
    parts = re.findall("...", digits)
    return "/".join(["x" + part for part in parts[:-1]] + parts[-1:])


def entries_of(log, size):
    entries = []
    for index in range((size + 255) // 256):
        width = min(256, size - index * 256)
        path = os.path.join(log, "tile/entries", tile_path(index) + ("" if width == 256 else ".p/%d" % width))
        data = open(path, "rb").read()
        at = 0
        while at < len(data):
            (length,) = struct.unpack_from(">H", data, at)
            entries.append(data[at + 2 : at + 2 + length])
            at += 2 + length
    return entries


def records_of(journal):
    """(position, source or '@events', whole frame, exchange or None), in order."""
    expected = 0
    for name in sorted(os.listdir(journal)):
        base = int(name[:20])
        if base != expected:
            bad("segment %s does not begin at %d" % (name, expected))
        data = open(os.path.join(journal, name), "rb").read()
        sources, at = [], 0
        while at < len(data):
            length, kind, crc = struct.unpack_from("<IBI", data, at)
            body = data[at + 9 : at + 9 + length]
            if crc32c(data[at : at + 5] + body) != crc:
                bad("check sum at %d" % (base + at))
            frame = data[at : at + 9 + length]
            if kind == 1 and (body[:15] != b"trueup-journal\n" or struct.unpack_from("<Q", body, 16)[0] != base):
                bad("head of %s" % name)
            if kind == 2:
                if struct.unpack_from("<H", body)[0] != len(sources):
                    bad("source out of turn in %s" % name)
                sources.append(body[2:].decode())
            if kind == 3:
                index, form, flags, packet, sent, first, last, fault, asked = struct.unpack_from("<HBBHqqqBI", body)
                fault_code = body[35 : 35 + fault].decode()
                request = body[35 + fault : 35 + fault + asked]
                reply = body[35 + fault + asked :]
                exchange = [sources[index], form, flags, packet, str(sent), str(first), str(last), fault_code, request.hex(), reply.hex()]
                yield base + at, sources[index], frame, exchange
            if kind == 4:
                json.loads(body)
                yield base + at, "@events", frame, None
            at += 9 + length
        expected = base + len(data)


def main():
    data_dir = sys.argv[1]
    log = os.path.join(data_dir, "log")
    _, size, root = open(os.path.join(log, "checkpoint"), encoding="utf-8").read().split("\n")[:3]
    entries = entries_of(log, int(size))
    if len(entries) != int(size):
        bad("number of entries")
    if root_of([hashlib.sha256(b"\x00" + entry).digest() for entry in entries]) != base64.b64decode(root):
        bad("root")
    records = list(records_of(os.path.join(data_dir, "journal")))
    blocks = [entry for entry in map(json.loads, entries) if entry["type"] == "block"]
    for block in blocks:
        frames = [f for at, source, f, _ in records if source == block["source"] and block["from"] <= at < block["until"]]
        if len(frames) != block["records_count"] or hashlib.sha256(b"".join(frames)).hexdigest() != block["sha256"]:
            bad("block of %s from %d" % (block["source"], block["from"]))
    exchanges = [exchange for *_, exchange in records if exchange]
    digest = hashlib.sha256(json.dumps(exchanges, separators=(",", ":")).encode()).hexdigest()
    print(json.dumps({"leaves": len(entries), "blocks": len(blocks), "records": len(records), "exchanges_sha256": digest}))


main()
