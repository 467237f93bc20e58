"""From the segments of the journal to readings, with Python's standard library alone: frames, sealed blocks, and what the bytes
mean by the profiles that the log holds (docs/ledger-format.md, "From bytes to energy"). Times are whole nanoseconds, energies
whole microjoules; powers are doubles, computed in the order that the page gives.
"""
import hashlib, json, math, os, struct
from fractions import Fraction

UNIT_UJ = {"uJ": 1, "mJ": 10**3, "J": 10**6, "mWh": 3_600_000, "Wh": 3_600_000_000, "kWh": 3_600_000_000_000, "MWh": 3_600_000_000_000_000}
POWER_UNITS = {"mW": (1, 1000), "W": (1, 1), "kW": (1000, 1)}
CEILING_UJ = 36 * 10**24
FORMS = ("modbus-rtu", "modbus-tcp", "mqtt", "csv", "snmp", "sml", "dsmr", "d0", "http", "scpi")
TYPES = {"int16": (1, ">h"), "uint16": (1, ">H"), "int32": (2, ">i"), "uint32": (2, ">I"), "float32": (2, ">f"), "int64": (4, ">q"), "uint64": (4, ">Q"), "float64": (4, ">d")}
REMEMBERED = 4096


class Bad(Exception):
    """What does not agree."""


class Unsupported(Exception):
    """Bytes of a kind that this program does not read."""


def crc_table():
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0x82F63B78 if crc & 1 else crc >> 1
        table.append(crc)
    return table


TABLE = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def records_of(journal, sealed_until=0):
    """(position, source, frame, body) of exchanges and events in order. Frames that no seal covers prove themselves by CRC."""
    expected = 0
    for name in sorted(os.listdir(journal)):
        base = int(name[:20])
        if base != expected:
            raise Bad("segment %s does not begin at %d" % (name, expected))
        with open(os.path.join(journal, name), "rb") as file:
            data = file.read()
        sources, at = [], 0
        while at < len(data):
            length, kind, crc = struct.unpack_from("<IBI", data, at)
            frame = data[at : at + 9 + length]
            body = frame[9:]
            if len(frame) < 9 + length:
                raise Bad("the journal is torn at %d" % (base + at))
            if (kind not in (3, 4) or base + at >= sealed_until) and crc32c(frame[:5] + body) != crc:
                raise Bad("check sum at %d" % (base + at))
            if kind == 2:
                sources.append(body[2:].decode())
            elif kind == 3:
                yield base + at, sources[int.from_bytes(body[:2], "little")], frame, body
            elif kind == 4:
                yield base + at, "@events", frame, body
            at += 9 + length
        expected = base + len(data)


def check_blocks(journal, blocks):
    """Every sealed block against the records; returns the records, sealed or not."""
    spans = sorted({(block["from"], block["until"]) for block in blocks})
    hashes = {(block["from"], block["source"]): [hashlib.sha256(), 0] for block in blocks}
    records, span = [], 0
    for position, source, frame, body in records_of(journal, spans[-1][1] if spans else 0):
        while span < len(spans) and position >= spans[span][1]:
            span += 1
        if span < len(spans):
            held = hashes.get((spans[span][0], source))
            if held is None:
                raise Bad("%s at %d is in no block" % (source, position))
            held[0].update(frame)
            held[1] += 1
        if source != "@events":
            records.append((source, body))
    for block in blocks:
        digest, count = hashes[(block["from"], block["source"])]
        if digest.hexdigest() != block["sha256"] or count != block["records_count"]:
            raise Bad("the raw block of %s from %d is not what was sealed" % (block["source"], block["from"]))
    return records


def exchange_of(body):
    _, form, flags, _, sent, first, last, fault, asked = struct.unpack_from("<HBBHqqqBI", body)
    return {
        "form": FORMS[form],
        "unknown_age": flags & 3 != 0,
        "sent": sent,
        "last": last,
        "fault": body[35 : 35 + fault].decode(),
        "request": body[35 + fault : 35 + fault + asked],
        "reply": body[35 + fault + asked :],
    }


def ordered(a, b):
    return (a, b) if a <= b else (b, a)


def milliseconds(delay):
    return round_half_up(delay * 1e6) if isinstance(delay, (int, float)) else 0


def round_half_up(number):
    whole = math.floor(number)
    return whole + 1 if number - whole >= 0.5 else whole


def reach_of(read, profile):
    limits = profile["limits"]
    return sum(milliseconds(float(got)) if not isinstance(got, str) else 0 for got in (read.get(key, limits.get(key, "unknown")) for key in ("refresh_ms", "averaging_ms")))


def received(exchange, reach):
    return ordered(exchange["sent"] - reach, exchange["last"])


def stamped(exchange, reach, stamp):
    """Around a device's own stamp; None where that lies later than the message by more than its uncertainty."""
    at, uncertainty = stamp
    if at - uncertainty > exchange["last"]:
        return None
    return ordered(at - uncertainty - reach, min(at + uncertainty, exchange["last"]))


def half_away(fraction):
    magnitude = abs(fraction)
    nearest = (2 * magnitude.numerator + magnitude.denominator) // (2 * magnitude.denominator)
    return -nearest if fraction < 0 else nearest


def in_unit(amount, unit):
    return half_away(amount * UNIT_UJ[unit])


def float_step(number, bits):
    """Distance to the next float of that size."""
    exponent = math.frexp(number)[1] - 1 if number != 0 else -1023
    return Fraction(2) ** (max(exponent - 23, -149) if bits == 32 else max(exponent - 52, -1074))


def count(amount, step, read):
    """(energy, quantum) of a count with this step, or None where it cannot be."""
    resolution = Fraction(read["resolution"])
    if step > resolution:
        energy, quantum = in_unit(amount, read["unit"]), in_unit(step, read["unit"])
    else:
        quantum = max(1, in_unit(resolution, read["unit"]))
        energy = half_away(amount / resolution) * quantum
    return checked(energy, quantum, read)


def checked(energy, quantum, read):
    too_low = energy <= -CEILING_UJ if read["means"] == "net" else energy < 0
    return None if too_low or energy >= (wraps_of(read) or CEILING_UJ) else (energy, quantum)


def wraps_of(read):
    wraps = read["wraps"]
    return in_unit(Fraction(wraps["at"]), read["unit"]) if isinstance(wraps, dict) else None


def scale_of(read):
    return Fraction(read["scale"]["by"]) if "scale" in read else Fraction(1)


def power_of(raw, read):
    """A gauge in W: integer factors one after the other, as the page gives them; None where it is none."""
    if not math.isfinite(raw):
        return None
    scale, (times, over) = scale_of(read), POWER_UNITS[read["unit"]]
    scaled = (raw * float(scale.numerator)) / float(scale.denominator)
    power = (scaled * times) / over
    lowest, highest = (float(bound) for bound in read.get("range", (-math.inf, math.inf)))
    return power if lowest <= scaled <= highest and abs(power) <= 1e10 else None


def modbus_frame(form, data):
    """(transaction, unit, pdu), or None."""
    if form == "modbus-tcp":
        good = len(data) >= 9 and data[2:4] == b"\0\0" and int.from_bytes(data[4:6], "big") == len(data) - 6
        return (data[:2], data[6], data[7:]) if good else None
    if len(data) < 5:
        return None
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return (b"", data[0], data[1:-2]) if crc == 0 else None


def modbus_readings(profile, exchange, instrument):
    form = exchange["form"]
    asked, reply = modbus_frame(form, exchange["request"]), modbus_frame(form, exchange["reply"])
    if asked is None or reply is None or len(asked[2]) != 5 or asked[1] != instrument["unit"] or reply[1] != asked[1]:
        return
    function, address, size = asked[2][0], int.from_bytes(asked[2][1:3], "big"), int.from_bytes(asked[2][3:5], "big")
    table = {3: "holding", 4: "input"}.get(function)
    answered = reply[0] == asked[0] and reply[2][0] == function and reply[2][1] == len(reply[2]) - 2 == 2 * size
    if table is None or not answered:
        return
    registers = reply[2][2:]
    for read in profile["reads"]:
        places = [read["at"]] + list(read.get("plus", ()) if read["kind"] == "counter" else ())
        width, layout = TYPES[read["as"]]
        inside = all(address <= at and at + width <= address + size for at in places)
        if read.get("table", profile["speaks"]["table"]) != table or not inside or read["channel"] not in ("energy_import", "power_active"):
            continue
        window, parts = received(exchange, reach_of(read, profile)), []
        for at in places:
            raw = in_order(registers[2 * (at - address) :][: 2 * width], read.get("order", profile["speaks"]["order"]))
            if not any(is_pattern(pattern, read, raw) for pattern in profile["sentinels"]):
                parts.append(struct.unpack(layout, raw)[0])
        if len(parts) < len(places):
            continue
        if read["kind"] == "gauge":
            yield gauge(read, "", window, power_of(float(parts[0]), read))
            continue
        counted = [register_count(part, read) for part in parts]
        if None not in counted:
            yield counter("", window, sum(c[0] for c in counted), sum(c[1] for c in counted), wraps_of(read), "")


def is_pattern(pattern, read, raw):
    here = pattern.get("channel", read["channel"]) == read["channel"]
    return here and pattern["as"] == read["as"] and pattern["raw"].replace(" ", "").lower() == raw.hex()


def in_order(raw, order):
    pairs = [raw[at : at + 2] for at in range(0, len(raw), 2)]
    if order in ("CDAB", "DCBA"):
        pairs.reverse()
    if order in ("BADC", "DCBA"):
        pairs = [pair[::-1] for pair in pairs]
    return b"".join(pairs)


def register_count(part, read):
    if isinstance(part, int):
        quantum = max(1, in_unit(Fraction(read["resolution"]), read["unit"]))
        return checked(in_unit(part * scale_of(read), read["unit"]), quantum, read)
    if not math.isfinite(part):
        return None
    scale = scale_of(read)
    return count(Fraction(part) * scale, float_step(part, 64 if read["as"] == "float64" else 32) * scale, read)


def gauge(read, component, window, power):
    return None if power is None else ("gauge", component, (window[0] + window[1]) // 2, 0.0 if power == 0 else power)


def counter(component, window, energy, quantum, wraps, epoch):
    return ("counter", component, {"from": window[0], "until": window[1], "energy": energy, "quantum": quantum, "wraps": wraps, "epoch": epoch})


def field_at(tree, path):
    for key in path:
        if isinstance(tree, dict) and isinstance(key, str) and key in tree:
            tree = tree[key]
        elif isinstance(tree, list) and isinstance(key, int) and key < len(tree):
            tree = tree[key]
        else:
            return None
    return tree


def json_readings(profile, exchange, instrument):
    """Fields of a JSON message on a topic of the instrument."""
    topic, got = instrument["topic"], exchange["request"].decode()
    suffixes = [read["suffix"] for read in profile["reads"]]
    exact = [suffix for suffix in suffixes if (topic + "/" + suffix if suffix else topic) == got]
    ends = [suffix for suffix in suffixes if got == topic and suffix and topic.endswith("/" + suffix)]
    if not exact + ends:
        return
    suffix, tree = (exact + ends)[0], json.loads(exchange["reply"], parse_float=Printed)
    stamp = None
    for time in profile["speaks"]["times"]:
        if time["suffix"] == suffix and time["kind"] == "utc":
            at = utc_of(field_at(tree, time["path"]), time["unit"])
            stamp = None if at is None else (at, milliseconds(float(time["uncertainty_ms"])))
            break
    for read in profile["reads"]:
        got = field_at(tree, read["path"]) if read["suffix"] == suffix else None
        believed = "valid_path" not in read or field_at(tree, read["valid_path"]) is True
        if not isinstance(got, (int, float)) or isinstance(got, bool) or not believed or read["channel"] not in ("energy_import", "power_active"):
            continue
        reach = reach_of(read, profile)
        window = stamped(exchange, reach, stamp) if stamp else None
        if window is None and exchange["unknown_age"]:
            continue
        window = window or received(exchange, reach)
        if read["kind"] == "gauge":
            yield gauge(read, "", window, power_of(float(got), read))
            continue
        counted = printed_count(got, read)
        epoch = field_at(tree, read["epoch_path"]) if "epoch_path" in read else ""
        if counted is not None:
            yield counter("", window, *counted, wraps_of(read), str(epoch)[:100])


class Printed(float):
    """A number of JSON; its decimal is the shortest that gives the same double, as ECMAScript prints it."""


def printed_count(got, read):
    scale, double = scale_of(read), float(got)
    if read["as"] == "float32":
        held = struct.unpack(">f", struct.pack(">f", double))[0]
        step = float_step(held, 32) * scale
        if step > Fraction(read["resolution"]):
            return count(Fraction(held) * scale, step, read)
    return count(Fraction(repr(double)) * scale, Fraction(0), read)


def utc_of(got, unit):
    if unit == "rfc3339":
        return instant(got) if isinstance(got, str) else None
    per = {"s": 10**9, "ms": 10**6, "ns": 1}[unit]
    if isinstance(got, str):
        at = int(got) * per if got.isdigit() else None
    elif isinstance(got, (int, float)):
        whole = math.floor(float(got))
        at = whole * per + round_half_up((float(got) - whole) * 1e6) * per // 1_000_000
    else:
        return None
    return at if at is not None and 10**18 <= at <= 18_446_744_073 * 10**9 else None


def instant(text):
    """RFC 3339 UTC to nanoseconds."""
    import datetime

    date, _, fraction = text.rstrip("Z").partition(".")
    stamp = datetime.datetime.strptime(date, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return int(stamp.timestamp()) * 10**9 + int((fraction + "000000000")[:9])


def node_readings(profile, exchange, instrument):
    """Counters and gauges of a node message, each of one chip source."""
    message = json.loads(exchange["reply"])
    levels = instrument["topic"].split("/")
    if len(levels) >= 2 and levels[-1] == "chips" and levels[-2] != message["node"]:
        return
    sync, stamp = message.get("sync", {"state": "unknown"}), None
    if sync["state"] == "synchronised" and sync.get("u_ms") is not None and message.get("time_ns") is not None:
        stamp = (int(message["time_ns"]), round_half_up((abs(sync.get("offset_ms") or 0) + sync["u_ms"]) * 1e6))
    for kind, listed in (("gauge", message.get("gauges") or ()), ("counter", message["counters"])):
        for said in listed:
            named = "counter" if kind == "counter" else said["quantity"]
            fitting = [r for r in profile["reads"] if (r["kind"] if r["kind"] == "counter" else r["quantity"]) == named and said["source"].startswith(r["prefix"])]
            if not fitting or (kind == "gauge" and named != "power_w"):
                continue
            read = max(fitting, key=lambda r: len(r["prefix"]))
            reach = reach_of(read, profile)
            window = stamped(exchange, reach, stamp) if stamp else None
            if window is None and exchange["unknown_age"]:
                continue
            window = window or received(exchange, reach)
            if kind == "gauge":
                yield gauge(read, said["source"], window, power_of(float(said["value"]), read))
                continue
            counted = chip_count(said, read)
            if counted is not None:
                yield counter(said["source"], window, *counted, message["boot_id"])


def chip_count(said, read):
    unit, value = UNIT_UJ[said["unit"]], int(said["value"])
    step = max(1, in_unit(Fraction(read["resolution"]), read["unit"]), unit)
    most = int(said["max"]) if said.get("max") is not None else 0
    if read["wraps"] != "max" or most == 0:
        return value * unit, step, None
    if value > most:
        return None
    steps = 2**32 - 1
    nano = (most * 1000 + steps - 1) // steps
    if said["unit"] == "uJ" and nano > 0 and steps * nano // 1000 == most:
        return value, (nano + 999) // 1000, (steps + 1) * nano // 1000
    return value * unit, step, (most + 1) * unit


def readings_of(records, configuration, profiles):
    """(source, readings of one exchange) in the order of the journal; a message that came before comes once."""
    instruments = {one["id"]: one for one in configuration["instruments"]}
    seen = {}
    for source, body in records:
        instrument = instruments.get(source)
        if instrument is None:
            continue
        exchange, profile = exchange_of(body), profiles[instrument["profile_sha256"]]
        if exchange["fault"]:
            continue
        speaks = profile["speaks"]["transport"]
        if exchange["form"].startswith("modbus") and speaks == "modbus":
            found = modbus_readings(profile, exchange, instrument)
        elif exchange["form"] == "mqtt" and speaks == "mqtt-json":
            found = json_readings(profile, exchange, instrument)
        elif exchange["form"] == "mqtt" and speaks == "node-message":
            message = json.loads(exchange["reply"])
            known, name = seen.setdefault(source, {}), (message["boot_id"], message["seq"])
            if name in known:
                continue
            known[name] = None
            if len(known) > REMEMBERED:
                del known[next(iter(known))]
            found = node_readings(profile, exchange, instrument)
        else:
            raise Unsupported("%s of %s" % (exchange["form"], source))
        yield source, [one for one in found if one is not None]
