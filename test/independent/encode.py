"""Makes the derived test vectors of device profiles, with Python's struct and fractions only: it shares no code, no
tables and no author's slip with the decoder that it tests. Prints JSON: {"profiles": {id: [vector]}, "types": [case]}."""
import json
import struct
from fractions import Fraction

KWH, WH, J, MJ = 3_600_000_000_000, 3_600_000_000, 1_000_000, 1_000
FORMATS = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I",
    "int64": ">q", "uint64": ">Q", "float32": ">f", "float64": ">d",
}


def words(raw, order="ABCD"):
    """Bytes, most significant first, as registers in the order of the wire."""
    registers = [raw[i:i + 2] for i in range(0, len(raw), 2)]
    if order in ("CDAB", "DCBA"):
        registers = registers[::-1]
    if order in ("BADC", "DCBA"):
        registers = [r[::-1] for r in registers]
    return " ".join(r.hex().upper() for r in registers)


def pack(kind, value):
    return struct.pack(FORMATS[kind], value)


def half_away(x):
    return (abs(x) * 2 + 1) // 2 * (1 if x >= 0 else -1)


def float_uj(kind, value, unit, resolution):
    """Energy of a float register: to the resolution, or as it is where the float's own step is coarser."""
    held = struct.unpack(FORMATS[kind], pack(kind, value))[0]
    bits = int.from_bytes(pack(kind, value), "big")
    above = struct.unpack(FORMATS[kind], (bits + 1).to_bytes(struct.calcsize(FORMATS[kind]), "big"))[0]
    step, resolution = Fraction(above) - Fraction(held), Fraction(resolution)
    amount = Fraction(held)
    if step <= resolution:
        amount = half_away(amount / resolution) * resolution
    return int(half_away(amount * unit))


class Meter:
    """Collects registers and what they must come out as."""

    def __init__(self, order="ABCD"):
        self.order, self.registers, self.expect = order, {}, {}

    def put(self, at, kind, value):
        self.registers[str(at)] = words(pack(kind, value), self.order)

    def gauge(self, channel, at, kind, value, unit, scale="1"):
        self.put(at, kind, value)
        held = struct.unpack(FORMATS[kind], pack(kind, value))[0]
        shown = float(Fraction(held) * Fraction(scale))
        self.expect[channel] = f"{shown!r} {unit}".replace(".0 ", " ")

    def energy(self, channel, at, kind, value, unit, resolution):
        self.put(at, kind, value)
        self.expect[channel] = f"{float_uj(kind, value, unit, resolution)} uJ"

    def count(self, channel, at, kind, value, unit, scale="1"):
        self.put(at, kind, value)
        self.expect[channel] = f"{int(Fraction(scale) * value * unit)} uJ"

    def raw(self, channel, at, hexed, fault):
        self.registers[str(at)] = hexed
        self.expect[channel] = f"gap {fault}"

    def vector(self, name):
        return {"name": name, "origin": "derived", "registers": self.registers, "expect": self.expect}


def phases(meter, quantity, at, kind, values, unit, step=2, scale="1"):
    for i, value in enumerate(values):
        meter.gauge(f"{quantity}_l{i + 1}", at + i * step, kind, value, unit, scale)


def sdm120():
    a = Meter()
    a.gauge("voltage", 0, "float32", 230.25, "V")
    a.gauge("current", 6, "float32", 2.5, "A")
    a.gauge("power_active", 12, "float32", 574.125, "W")
    a.gauge("frequency", 70, "float32", 50.03125, "Hz")
    a.energy("energy_import", 72, "float32", 1234.56, KWH, "0.01")
    a.energy("energy_export", 74, "float32", 0.0, KWH, "0.01")
    b = Meter()
    b.gauge("power_active", 12, "float32", -3.5, "W")
    b.energy("energy_import", 72, "float32", 200000.3, KWH, "0.01")
    b.energy("energy_export", 74, "float32", 12.125, KWH, "0.01")
    c = Meter()
    c.raw("power_active", 12, words(pack("float32", float("nan"))), "decode.not-a-number")
    c.raw("energy_import", 72, words(pack("float32", float("inf"))), "decode.not-a-number")
    c.raw("energy_export", 74, words(pack("float32", -0.5)), "decode.out-of-range")
    return [a.vector("one load"), b.vector("export, and a count whose float step is coarser than 10 Wh"),
            c.vector("NaN, infinity and a negative count are no energy")]


def sdm630():
    a = Meter()
    phases(a, "voltage", 0, "float32", [230.5, 231.25, 229.75], "V")
    phases(a, "current", 6, "float32", [1.5, 2.25, 0.75], "A")
    phases(a, "power_active", 12, "float32", [345.5, 520.25, 172.0], "W")
    a.gauge("power_active", 52, "float32", 1037.75, "W")
    a.gauge("frequency", 70, "float32", 49.96875, "Hz")
    a.energy("energy_import", 72, "float32", 20000.37, KWH, "0.01")
    a.energy("energy_export", 74, "float32", 0.5, KWH, "0.01")
    for i, value in enumerate([7000.12, 6500.13, 6500.12]):
        a.energy(f"energy_import_l{i + 1}", 346 + 2 * i, "float32", value, KWH, "0.01")
    return [a.vector("three loads")]


def iem3155():
    a = Meter()
    phases(a, "current", 2999, "float32", [4.5, 5.25, 6.0], "A")
    phases(a, "voltage", 3027, "float32", [229.5, 230.0, 230.5], "V")
    phases(a, "power_active", 3053, "float32", [1.03125, 1.203125, 1.375], "W", scale="1000")
    a.gauge("power_active", 3059, "float32", 3.609375, "W", scale="1000")
    a.gauge("frequency", 3109, "float32", 50.0, "Hz")
    a.count("energy_import", 3203, "int64", 5_000_000_123, WH)
    a.count("energy_export", 3207, "int64", 17, WH)
    a.count("energy_import_partial", 3255, "int64", 4_321, WH)
    for i, value in enumerate([1_700_000_041, 1_600_000_041, 1_700_000_041]):
        a.count(f"energy_import_l{i + 1}", 3517 + 4 * i, "int64", value, WH)
    b = Meter()
    b.raw("energy_import", 3203, words(pack("int64", -1)), "decode.out-of-range")
    return [a.vector("more than 32 bits of Wh"), b.vector("a negative count is no energy")]


def abb_b23():
    a = Meter()
    a.count("energy_import", 20480, "uint64", 123_456_789, KWH, "0.01")
    a.count("energy_export", 20484, "uint64", 0, KWH, "0.01")
    for i, value in enumerate([41_152_263, 41_152_262, 41_152_264]):
        a.count(f"energy_import_l{i + 1}", 21600 + 4 * i, "uint64", value, KWH, "0.01")
    phases(a, "voltage", 23296, "uint32", [2301, 2299, 2305], "V", scale="0.1")
    phases(a, "current", 23308, "uint32", [1234, 5, 100_001], "A", scale="0.01")
    a.gauge("power_active", 23316, "int32", -123_456, "W", "0.01")
    phases(a, "power_active", 23318, "int32", [-100_000, -23_456, 0], "W", scale="0.01")
    a.gauge("frequency", 23340, "uint16", 4998, "Hz", "0.01")
    a.gauge("power_factor", 23354, "int16", -987, "1", "0.001")
    b = Meter()
    b.count("energy_import", 20480, "uint64", 1, KWH, "0.01")
    b.raw("energy_export", 20484, "FFFF FFFF FFFF FFFF", "decode.sentinel")
    b.raw("voltage_l2", 23298, "FFFF FFFF", "decode.sentinel")
    b.raw("power_active_l3", 23322, "7FFF FFFF", "decode.sentinel")
    b.raw("frequency", 23340, "FFFF", "decode.sentinel")
    b.raw("power_factor", 23354, "7FFF", "decode.sentinel")
    return [a.vector("all quantities"), b.vector("import-only version: what it has not reads all ones")]


def umg604():
    a = Meter()
    a.energy("energy_import", 9851, "float32", 16_777_215.0, WH, "1")
    a.energy("energy_export", 9863, "float32", 12.4, WH, "1")
    phases(a, "voltage", 19000, "float32", [230.5, 231.5, 232.5], "V")
    phases(a, "current", 19012, "float32", [10.5, 11.5, 12.5], "A")
    phases(a, "power_active", 19020, "float32", [2400.5, 2600.5, 2800.5], "W")
    a.gauge("power_active", 19026, "float32", 7801.5, "W")
    a.gauge("power_apparent", 19034, "float32", 8000.0, "VA")
    a.gauge("power_reactive", 19042, "float32", -250.5, "var")
    a.gauge("frequency", 19050, "float32", 50.015625, "Hz")
    for i, value in enumerate([5_592_405.0, 5_592_404.0, 5_592_406.0]):
        a.energy(f"energy_import_l{i + 1}", 19062 + 2 * i, "float32", value, WH, "1")
    b = Meter()
    b.energy("energy_import", 9851, "float32", 134_217_736.0, WH, "1")
    return [a.vector("all quantities"), b.vector("above 134 MWh the float moves in steps of 16 Wh")]


def pac():
    a = Meter()
    phases(a, "voltage", 1, "float32", [229.0, 230.0, 231.0], "V")
    phases(a, "current", 13, "float32", [3.5, 4.5, 5.5], "A")
    phases(a, "power_active", 25, "float32", [800.5, 1030.25, 1270.125], "W")
    a.gauge("frequency", 55, "float32", 50.0, "Hz")
    a.gauge("power_active", 65, "float32", 3100.875, "W")
    a.gauge("power_factor", 69, "float32", 0.96875, "1")
    a.put(801, "float64", 9_000_000_123.0)
    a.put(805, "float64", 1_000_000_456.4)
    total = float_uj("float64", 9_000_000_123.0, WH, "1") + float_uj("float64", 1_000_000_456.4, WH, "1")
    a.expect["energy_import"] = f"{total} uJ"
    a.put(809, "float64", 0.0)
    a.put(813, "float64", 2.0)
    a.expect["energy_export"] = f"{2 * WH} uJ"
    b = Meter()
    b.put(801, "float64", 100.0)
    b.raw("energy_import", 805, words(pack("float64", float("nan"))), "decode.not-a-number")
    return [a.vector("both tariffs add up"), b.vector("a sum lacks nothing: one NaN tariff is a gap")]


def payload(name, suffix, body, expect):
    text = json.dumps(body, separators=(",", ":"))
    return {"name": name, "origin": "derived", "suffix": suffix, "payload": text, "expect": expect}


def shelly_switch():
    body = {"id": 0, "source": "init", "output": True, "apower": 1012.4, "voltage": 231.2, "current": 4.41,
            "aenergy": {"total": 1234567.891, "by_minute": [0.0, 0.0, 0.0], "minute_ts": 1760364720},
            "temperature": {"tC": 41.5, "tF": 106.7}}
    expect = {"power_active": "1012.4 W", "voltage": "231.2 V", "current": "4.41 A", "temperature": "41.5 Cel",
              "energy_import": f"{int(Fraction('1234567.891') * WH)} uJ"}
    note = {"src": "shellyplusplugs-aabbccddeeff", "dst": "shellyplusplugs-aabbccddeeff/events",
            "method": "NotifyStatus", "params": {"ts": 1760364721.5, "switch:0": {"id": 0, "apower": 998.1}}}
    null = {"id": 0, "apower": None, "voltage": 230.0, "current": 4.4, "aenergy": {"total": -1.0},
            "temperature": {"tC": None}}
    return [payload("whole status", "status/switch:0", body, expect),
            payload("a change of power alone", "events/rpc", note, {"power_active": "998.1 W"}),
            payload("null and a negative count", "status/switch:0", null,
                    {"power_active": "gap decode.sentinel", "temperature": "gap decode.sentinel",
                     "energy_import": "gap decode.out-of-range"})]


def tasmota():
    def body(total, power):
        return {"Time": "2026-02-04T23:17:01",
                "ENERGY": {"TotalStartTime": "2025-10-25T15:22:04", "Total": total, "Power": power,
                           "ApparentPower": 182, "ReactivePower": 65, "Factor": 0.93, "Voltage": 231,
                           "Current": 0.787}}
    # Firmware holds the count in a 32-bit float: at 20 000 kWh it moves in steps of 1/512 kWh.
    held = struct.unpack(">f", struct.pack(">f", 20000.123))[0]
    return [payload("below the float's own step", "SENSOR", body(812.345, 170),
                    {"energy_import": f"{int(Fraction('812.345') * KWH)} uJ", "power_active": "170 W"}),
            payload("the float's step is coarser than a watt-hour", "SENSOR", body(round(held, 3), 0),
                    {"energy_import": f"{half_away(Fraction(held) * KWH)} uJ", "power_active": "0 W"})]


def pro3em():
    em = {"id": 0, "a_current": 1.5, "a_voltage": 230.1, "a_act_power": 300.5, "a_freq": 50.0, "b_current": 2.5,
          "b_voltage": 229.9, "b_act_power": -20.5, "c_current": 0.25, "c_voltage": 231.0, "c_act_power": 0.0,
          "total_current": 4.25, "total_act_power": 280.0, "total_aprt_power": 977.6}
    data = {"id": 0, "a_total_act_energy": 100.25, "b_total_act_energy": 200.5, "c_total_act_energy": 300.75,
            "total_act": 601.51, "total_act_ret": 3.02}
    uj = lambda text: f"{int(Fraction(text) * WH)} uJ"
    note = {"src": "shellypro3em-aabbccddeeff", "dst": "shellypro3em-aabbccddeeff/events", "method": "NotifyStatus",
            "params": {"ts": 1760364721.5, "emdata:0": data}}
    counts = {"energy_import": uj("601.51"), "energy_export": uj("3.02"), "energy_import_l1": uj("100.25"),
              "energy_import_l2": uj("200.5"), "energy_import_l3": uj("300.75")}
    return [payload("power", "status/em:0", em,
                    {"power_active": "280 W", "power_active_l1": "300.5 W", "power_active_l2": "-20.5 W",
                     "power_active_l3": "0 W", "voltage_l1": "230.1 V", "voltage_l2": "229.9 V",
                     "voltage_l3": "231 V", "current_l1": "1.5 A", "current_l2": "2.5 A", "current_l3": "0.25 A",
                     "power_apparent": "977.6 VA", "frequency": "50 Hz"}),
            payload("counters, whose sum is a rounding away from the total", "status/emdata:0", data, counts),
            payload("counters in a notification", "events/rpc", note, counts)]


def node():
    gpu = "nvml:GPU-5f0d1d5a-0000-4000-8000-000000000001"
    body = {"v": 1, "node": "gpu-01", "boot_id": "8d9c3c1e-0000-4000-8000-000000000001", "seq": "7",
            "time_ns": "1760364721500000000", "sync": {"state": "synchronised", "offset_ms": 0.1, "u_ms": 0.5},
            "counters": [
                {"source": "rapl:package-0", "unit": "uJ", "value": "123456789012", "max": "262143328850"},
                {"source": "rapl:dram-0", "unit": "uJ", "value": "65532610987", "max": "65532610987"},
                {"source": gpu, "unit": "mJ", "value": "987654321987"},
                {"source": "occ:proc-0", "unit": "uJ", "value": "101746521"}],
            "gauges": [{"source": gpu, "quantity": "power_w", "value": 631.95}]}
    over = {**body, "counters": [{"source": "rapl:package-0", "unit": "uJ", "value": "262143328851",
                                  "max": "262143328850"}], "gauges": []}
    rocm = "rocm:0x1a2b3c4d5e6f7a8b"
    amd = {**body, "counters": [{"source": rocm, "unit": "uJ", "value": str(2**53 + 1)}],
           "gauges": [{"source": "hwmon:platform-3", "quantity": "power_w", "value": 1450.5},
                      {"source": "hwmon:platform-redfish-1U", "quantity": "power_w", "value": 1476}]}
    return [payload("a package, its memory, a board and a POWER9 processor", "", body,
                    {"rapl:package-0 energy_import": "123456789012 uJ", "rapl:dram-0 energy_import": "65532610987 uJ",
                     f"{gpu} energy_import": f"{987654321987 * MJ} uJ", "occ:proc-0 energy_import": "101746521 uJ",
                     f"{gpu} power_active": "631.95 W"}),
            payload("AMD boards by ROCm and power meters of the machine", "", amd,
                    {f"{rocm} energy_import": f"{2**53 + 1} uJ", "hwmon:platform-3 power_active": "1450.5 W",
                     "hwmon:platform-redfish-1U power_active": "1476 W"}),
            payload("more than the counter holds", "", over,
                    {"rapl:package-0 energy_import": "gap decode.out-of-range"})]


class Agent:
    """Collects the objects of one SNMP reply and what they must come out as."""

    def __init__(self, **instrument):
        self.instrument, self.objects, self.expect = instrument, {}, {}

    def put(self, oid, text):
        self.objects[oid] = text
        return self

    def gauge(self, channel, oid, kind, raw, unit, scale="1"):
        self.objects[oid] = f"{kind} {raw}"
        shown = float(Fraction(raw) * Fraction(scale))
        self.expect[channel] = f"{shown!r} {unit}".replace(".0 ", " ")
        return self

    def count(self, channel, oid, kind, raw, unit, scale="1"):
        self.objects[oid] = f"{kind} {raw}"
        self.expect[channel] = f"{int(Fraction(scale) * raw * unit)} uJ"
        return self

    def gap(self, channel, oid, text, fault):
        self.objects[oid] = text
        self.expect[channel] = f"gap {fault}"
        return self

    def vector(self, name):
        return {"name": name, "origin": "derived", "instrument": self.instrument, "objects": self.objects,
                "expect": self.expect}


XERUS = {"current": (1, 2), "voltage": (4, 1), "power_active": (5, 3), "power_apparent": (6, 4), "power_factor": (7, -1),
         "energy_import": (8, 5)}
XERUS_UNITS = {"current": "A", "voltage": "V", "power_active": "W", "power_apparent": "VA", "power_factor": "1"}


def xerus(part, number, readings, pdu=1):
    """Value, digits, unit and availability of each sensor of a Raritan inlet or outlet."""
    agent = Agent(**({"pdu": pdu} if pdu != 1 else {}), **{part: number})
    values, settings = {"inlet": ("5.2.3", "3.3.4"), "outlet": ("5.4.3", "3.5.4")}[part]
    for channel, (raw, digits) in readings.items():
        sensor, unit = XERUS[channel]
        at = lambda table, column: f"1.3.6.1.4.1.13742.6.{table}.1.{column}.{pdu}.{number}.{sensor}"
        agent.put(at(settings, 6), f"integer {unit}").put(at(settings, 7), f"unsigned32 {digits}")
        agent.put(at(values, 2), "integer 1")
        scale = Fraction(1, 10 ** digits)
        if channel == "energy_import":
            agent.count(channel, at(values, 4), "unsigned32", raw, WH, scale)
        else:
            agent.gauge(channel, at(values, 4), "unsigned32", raw, XERUS_UNITS[channel], scale)
    return agent


def raritan():
    whole = {"current": (1234, 2), "voltage": (2305, 1), "power_active": (2812, 0), "power_apparent": (2844, 0),
             "power_factor": (98, 2), "energy_import": (123456789, 0)}
    outlet = {"current": (3127, 3), "voltage": (230, 0), "power_active": (7041, 1), "power_apparent": (7192, 1),
              "power_factor": (979, 3), "energy_import": (4294967295, 1)}
    off = xerus("outlet", 12, {"energy_import": (55, 0)}, pdu=2)
    energy = "1.3.6.1.4.1.13742.6.{}.1.{}.2.12.8"
    gone = Agent(pdu=2, outlet=12)
    gone.objects = {**off.objects, energy.format("5.4.3", 2): "integer 2"}
    gone.expect = {"energy_import": "gap decode.sentinel"}
    other = Agent(pdu=2, outlet=12)
    other.objects = {**off.objects, energy.format("3.5.4", 6): "integer 6"}
    other.expect = {"energy_import": "gap decode.wrong-scale"}
    return [xerus("inlet", 1, whole).vector("an inlet, each sensor with digits of its own"),
            xerus("outlet", 7, outlet).vector("an outlet just below the wrap, in tenths"),
            off.vector("the second unit of a chain"),
            gone.vector("a sensor that is not available is no zero"),
            other.vector("an energy that is not in Wh is not ours")]


def apc():
    b = "1.3.6.1.4.1.318.1.1.26."
    unit = Agent()
    unit.gauge("power_active", b + "4.3.1.5.1", "integer", 412, "W", "10")
    unit.gauge("power_apparent", b + "4.3.1.16.1", "integer", 421, "VA", "10")
    unit.gauge("power_factor", b + "4.3.1.17.1", "integer", 98, "1", "0.01")
    unit.count("energy_import", b + "4.3.1.9.1", "integer", 170982, KWH, "0.1")
    unit.put(b + "4.3.1.10.1", "text 05/30/2011 00:12:17")
    phase = Agent(phase=2)
    phase.gauge("current", b + "6.3.1.5.2", "integer", 61, "A", "0.1").gauge("voltage", b + "6.3.1.6.2", "integer", 231, "V")
    phase.gauge("power_active", b + "6.3.1.7.2", "integer", 137, "W", "10")
    phase.gauge("power_factor", b + "6.3.1.9.2", "integer", 97, "1", "0.01")
    outlet = Agent(outlet=7)
    outlet.gauge("current", b + "9.4.3.1.6.7", "integer", 31, "A", "0.1")
    outlet.gauge("power_active", b + "9.4.3.1.7.7", "integer", 703, "W")
    outlet.count("energy_import", b + "9.4.3.1.11.7", "integer", 2147483647, KWH, "0.1")
    outlet.put(b + "4.3.1.15.1", "text 05/30/2011 00:12:17")
    plain = Agent(outlet=3)
    plain.gap("energy_import", b + "9.4.3.1.11.3", "integer -1", "decode.sentinel")
    plain.put(b + "4.3.1.15.1", "text 05/30/2011 00:12:17")
    plain.gap("power_active", b + "9.4.3.1.7.3", "no-such-instance", "decode.no-object")
    plain.gap("current", b + "9.4.3.1.6.3", "unsigned32 31", "decode.wrong-type")
    return [unit.vector("the whole unit in steps of 10 W and 100 Wh"), phase.vector("one phase"),
            outlet.vector("an outlet at the end of its counter"), plain.vector("an outlet that is not metered")]


def eaton():
    b = "1.3.6.1.4.1.534.6.6.7."
    inlet = Agent(inlet=1).put(b + "1.2.1.30.0", "integer 0").put(b + "3.2.1.2.0.1.1", "integer 2")
    inlet.gauge("power_apparent", b + "3.5.1.3.0.1", "integer", 3181, "VA")
    inlet.gauge("power_active", b + "3.5.1.4.0.1", "integer", 3052, "W")
    inlet.count("energy_import", b + "3.5.1.5.0.1", "unsigned32", 4294967295, WH)
    inlet.put(b + "3.5.1.6.0.1", "unsigned32 1700000000")
    inlet.gauge("power_factor", b + "3.5.1.7.0.1", "integer", 959, "1", "0.001")
    inlet.gauge("voltage_l1", b + "3.2.1.3.0.1.1", "integer", 230412, "V", "0.001")
    phase = Agent(phase=3).put(b + "1.2.1.30.0", "integer 0").put(b + "3.4.1.2.0.1.3", "integer 3")
    phase.gauge("power_apparent", b + "3.4.1.3.0.1.3", "integer", 1065, "VA")
    phase.gauge("power_active", b + "3.4.1.4.0.1.3", "integer", 1011, "W")
    phase.count("energy_import", b + "3.4.1.5.0.1.3", "unsigned32", 7654321, WH)
    phase.put(b + "3.4.1.6.0.1.3", "unsigned32 1700000000")
    phase.gauge("power_factor", b + "3.4.1.7.0.1.3", "integer", 949, "1", "0.001")
    outlet = Agent(outlet=11).put(b + "1.2.1.30.0", "integer 0")
    outlet.gauge("power_apparent", b + "6.5.1.2.0.11", "integer", 719, "VA")
    outlet.gauge("power_active", b + "6.5.1.3.0.11", "integer", 704, "W")
    outlet.count("energy_import", b + "6.5.1.4.0.11", "unsigned32", 1234567, WH)
    outlet.put(b + "6.5.1.5.0.11", "unsigned32 1700000000")
    outlet.gauge("power_factor", b + "6.5.1.6.0.11", "integer", 979, "1", "0.001")
    outlet.gauge("voltage", b + "6.3.1.2.0.11", "integer", 230198, "V", "0.001")
    outlet.gauge("current", b + "6.4.1.3.0.11", "integer", 3124, "A", "0.001")
    lost = Agent(outlet=11).put(b + "1.2.1.30.0", "integer 1").put(b + "6.5.1.5.0.11", "unsigned32 1700000000")
    lost.gap("power_active", b + "6.5.1.3.0.11", "integer 0", "decode.sentinel")
    lost.gap("energy_import", b + "6.5.1.4.0.11", "unsigned32 1234567", "decode.sentinel")
    unavailable = Agent(outlet=4).put(b + "1.2.1.30.0", "integer 0")
    unavailable.gap("power_active", b + "6.5.1.3.0.4", "integer -1", "decode.out-of-range")
    return [inlet.vector("a whole input"), phase.vector("one phase of an input"), outlet.vector("an outlet"),
            lost.vector("the board that measures is lost: what stands there means nothing"),
            unavailable.vector("a negative value says that there is none")]


def vertiv():
    b = "1.3.6.1.4.1.21239.5.2.3."
    def meter(agent, table, index, columns):
        agent.gauge("voltage", f"{b}{table}.1.{columns['V']}.{index}", "unsigned32", 2307, "V", "0.1")
        agent.gauge("current", f"{b}{table}.1.{columns['A']}.{index}", "unsigned32", 312, "A", "0.01")
        agent.gauge("power_active", f"{b}{table}.1.12.{index}", "unsigned32", 704, "W")
        agent.gauge("power_apparent", f"{b}{table}.1.13.{index}", "unsigned32", 719, "VA")
        agent.gauge("power_factor", f"{b}{table}.1.14.{index}", "unsigned32", 98, "1", "0.01")
        return agent.count("energy_import", f"{b}{table}.1.15.{index}", "unsigned32", 1234567, WH)
    unit = Agent().put(b + "1.1.5.1", "unsigned32 1")
    unit.gauge("power_active", b + "1.1.9.1", "unsigned32", 4021, "W")
    unit.gauge("power_apparent", b + "1.1.10.1", "unsigned32", 4110, "VA")
    unit.gauge("power_factor", b + "1.1.11.1", "unsigned32", 98, "1", "0.01")
    unit.count("energy_import", b + "1.1.12.1", "unsigned32", 9998999, WH)
    latched = Agent().put(b + "1.1.5.1", "unsigned32 1")
    latched.gap("energy_import", b + "1.1.12.1", "unsigned32 9999000", "counter.latched")
    latched.gap("power_active", b + "1.1.9.1", "unsigned32 9999", "decode.sentinel")
    away = Agent().put(b + "1.1.5.1", "unsigned32 2")
    away.gap("power_active", b + "1.1.9.1", "unsigned32 4021", "decode.sentinel")
    columns = {"V": 4, "A": 8}
    return [unit.vector("the whole unit"), meter(Agent(phase=2), "2", 2, columns).vector("a phase"),
            meter(Agent(outlet=9), "6", 9, columns).vector("an outlet"),
            latched.vector("what stands at its declared maximum counts no more"),
            away.vector("partially unavailable: the total is none")]


def gude():
    b = "1.3.6.1.4.1.28507.52.1.5.1.2.1."
    a = Agent(phase=1).put(b + "2.1", "integer 1")
    a.gauge("power_active", b + "4.1", "integer", 1204, "W").gauge("current", b + "5.1", "unsigned32", 5341, "A", "0.001")
    a.gauge("voltage", b + "6.1", "unsigned32", 231, "V").gauge("frequency", b + "7.1", "unsigned32", 5001, "Hz", "0.01")
    a.gauge("power_factor", b + "8.1", "integer", 976, "1", "0.001")
    a.gauge("power_apparent", b + "10.1", "integer", 1234, "VA").gauge("power_reactive", b + "11.1", "integer", -221, "var")
    a.count("energy_import", b + "16.1", "unsigned32", 3456789, WH).count("energy_export", b + "20.1", "unsigned32", 3, WH)
    a.count("energy_import_partial", b + "13.1", "unsigned32", 4321, WH)
    off = Agent(phase=3).put(b + "2.3", "integer 0")
    off.gap("power_active", b + "4.3", "integer 0", "decode.sentinel")
    off.gap("energy_import", b + "16.3", "unsigned32 0", "decode.sentinel")
    return [a.vector("a power channel"), off.vector("a channel without data is no zero")]


def enlogic():
    b = "1.3.6.1.4.1.38446.1."
    unit = Agent().gauge("power_active", b + "2.4.1.4.1", "integer", 4021, "W")
    unit.count("energy_import", b + "2.4.1.9.1", "integer", 170982, KWH, "0.1")
    unit.count("energy_import_partial", b + "2.4.1.10.1", "integer", 12, KWH, "0.1").put(b + "2.4.1.11.1", "text 2025-10-13")
    phase = Agent(phase=2).gauge("current", b + "3.4.1.5.1.2", "integer", 612, "A", "0.01")
    phase.gauge("voltage", b + "3.4.1.6.1.2", "integer", 231, "V").gauge("power_active", b + "3.4.1.7.1.2", "integer", 1371, "W")
    outlet = Agent(outlet=5).gauge("current", b + "5.9.1.5.1.5", "integer", 312, "A", "0.01")
    outlet.gauge("power_active", b + "5.9.1.6.1.5", "integer", 704, "W")
    outlet.count("energy_import", b + "5.9.1.11.1.5", "integer", 1234, KWH, "0.1")
    return [unit.vector("the whole unit, lifetime and resettable"), phase.vector("a phase"), outlet.vector("an outlet")]


def panduit():
    b = "1.3.6.1.4.1.19536.10.1."
    unit = Agent().gauge("power_active", b + "2.1.1.5.1", "integer", 4021, "W")
    unit.count("energy_import", b + "2.1.1.6.1", "integer", 17098, KWH)
    unit.count("energy_import_partial", b + "2.1.1.8.1", "integer", 1234567, WH).put(b + "2.1.1.7.1", "text 2025-10-13 14:12:02")
    outlet = Agent(outlet=34).gauge("power_active", b + "5.1.1.13.1.34", "integer", 156, "W")
    outlet.count("energy_import", b + "5.1.1.14.1.34", "integer", 1234567, WH).put(b + "5.1.1.15.1.34", "text 2025-10-13 14:12:02")
    return [unit.vector("the whole unit: lifetime in whole kWh"), outlet.vector("an outlet")]


def ber(tag, *parts):
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else bytes([0x82, len(body) >> 8, len(body) & 255])
    return bytes([tag]) + size + body


def ber_oid(dotted):
    first, second, *rest = map(int, dotted.split("."))
    out = bytearray()
    for arc in [40 * first + second, *rest]:
        septets = [arc & 127]
        while arc > 127:
            arc >>= 7
            septets.insert(0, arc & 127 | 128)
        out += bytes(septets)
    return ber(6, bytes(out))


def ber_int(value, tag=2):
    size = 1
    while not -(1 << 8 * size - 1) <= value < 1 << 8 * size - 1:
        size += 1
    return ber(tag, value.to_bytes(size, "big", signed=True))


def pdus():
    """Requests and replies as octets, and what each object of the reply holds."""
    values = {
        "1.3.6.1.2.1.1.3.0": (ber_int(4294967295, 0x43), "timeticks 4294967295"),
        "1.3.6.1.4.1.13742.6.5.4.3.1.4.1.12.8": (ber_int(4294967295, 0x42), "unsigned32 4294967295"),
        "1.3.6.1.4.1.318.1.1.26.9.4.3.1.11.7": (ber_int(-1), "integer -1"),
        "1.3.6.1.4.1.2147483647.1": (ber_int(-2147483648), "integer -2147483648"),
        "1.3.6.1.4.1.4294967295.2": (ber_int(2 ** 64 - 1, 0x46), "counter64 18446744073709551615"),
        "1.3.6.1.4.1.128.3": (ber_int(128, 0x41), "counter32 128"),
        "1.3.6.1.4.1.127.4": (ber(4, b"PX3-1234"), "text PX3-1234"),
        "1.3.6.1.4.1.16384.5": (ber(0x80), "absent"),
        "1.3.6.1.4.1.0.6": (ber(0x81), "absent"),
        "1.3.6.1.4.1.1.7": (ber(0x82), "absent"),
    }
    def pdu(tag, bound):
        return ber(tag, ber_int(0x7A5B3C1D), ber_int(0), ber_int(0),
                   ber(0x30, *[ber(0x30, ber_oid(oid), value) for oid, value in bound]))
    request = pdu(0xA0, [(oid, ber(5)) for oid in values])
    reply = pdu(0xA2, [(oid, raw) for oid, (raw, _) in values.items()])
    return {"request": request.hex(), "reply": reply.hex(), "values": {oid: said for oid, (_, said) in values.items()}}
def reflected(data, polynomial, start, final):
    """A reflected CRC-16, bit by bit."""
    crc = start
    for byte in data:
        for bit in range(8):
            top = (crc ^ (byte >> bit)) & 1
            crc = (crc >> 1) ^ (polynomial if top else 0)
    return crc ^ final


def x25(data):
    return reflected(data, 0x8408, 0xFFFF, 0xFFFF).to_bytes(2, "little")


def tl(kind, content):
    """Type and length of SML, more than one byte of it where the value is long."""
    for count in range(1, 5):
        length = len(content) + count
        if length < 16 ** count:
            nibbles = [(length >> (4 * i)) & 15 for i in reversed(range(count))]
            head = [(0x80 if i < count - 1 else 0) | (kind << 4 if i == 0 else 0) | n for i, n in enumerate(nibbles)]
            return bytes(head) + content


def sml_list(*parts):
    count, head = len(parts), b""
    if count > 15:
        head, count = bytes([0xF0 | count >> 4]), count & 15
        return head + bytes([count]) + b"".join(parts)
    return bytes([0x70 | count]) + b"".join(parts)


octets = lambda content: tl(0, content)
unsigned = lambda value, size: tl(6, value.to_bytes(size, "big"))
signed = lambda value, size: tl(5, value.to_bytes(size, "big", signed=True))
NONE, END = b"\x01", b"\x00"
SERVER = bytes.fromhex("0a015445535400000001")


def sml_entry(obis, value, unit=None, scaler=None, status=NONE):
    groups = bytes(int(x) for x in obis.replace("-", ".").replace(":", ".").split(".")) + b"\xff"
    return sml_list(octets(groups), status, NONE, NONE if unit is None else unsigned(unit, 1),
                    NONE if scaler is None else signed(scaler, 1), value, NONE)


def sml_message(number, tag, content):
    body = sml_list(octets(bytes([1, 2, 3, number])), unsigned(0, 1), unsigned(0, 1),
                    sml_list(unsigned(tag, 2), content), b"", END)[:-1]
    return body + tl(6, x25(body)) + END


def sml_frame(*entries):
    opened = sml_list(NONE, NONE, octets(b"\0\0\0\x2a"), octets(SERVER), NONE, NONE)
    values = sml_list(NONE, octets(SERVER), octets(bytes.fromhex("0100620affff")),
                      sml_list(unsigned(1, 1), unsigned(123456, 4)), sml_list(*entries), NONE, NONE)
    body = sml_message(4, 0x0101, opened) + sml_message(5, 0x0701, values) + sml_message(6, 0x0201, sml_list(NONE))
    fill = -len(body) % 4
    body = (body + bytes(fill)).replace(b"\x1b" * 4, b"\x1b" * 8)
    frame = b"\x1b" * 4 + b"\x01" * 4 + body + b"\x1b" * 4 + b"\x1a" + bytes([fill])
    return frame + x25(frame)


def framed(name, frame, expect):
    return {"name": name, "origin": "derived", "frame": frame.hex(), "expect": expect}


def lined(name, text, expect):
    return {"name": name, "origin": "derived", "lines": text.split("\r\n"), "expect": expect}


def wh(text):
    return f"{int(Fraction(text) * WH)} uJ"


def sml_ehz():
    public_key = sml_entry("129-129:199.130.5", octets(b"\x1b" * 4 + bytes(range(44))))
    a = sml_frame(sml_entry("1-0:96.1.0", octets(SERVER)),
                  sml_entry("1-0:1.8.0", unsigned(98765432, 8), 30, -1, unsigned(0x1C0104, 3)),
                  sml_entry("1-0:2.8.0", unsigned(0, 1), 30, -1), sml_entry("1-0:16.7.0", signed(-1234, 4), 27, -1), public_key)
    b = sml_frame(sml_entry("1-0:1.8.0", unsigned(0x010203, 3), 30, 0), sml_entry("1-0:2.8.0", unsigned(5, 5), 30, 2),
                  sml_entry("1-0:16.7.0", signed(1, 6), 27, 3))
    c = sml_frame(sml_entry("1-0:1.8.0", signed(-1, 2), 30, -1), sml_entry("1-0:2.8.0", octets(b"none"), 30, -1),
                  sml_entry("1-0:16.7.0", signed(77, 2), 30, 0))
    return [framed("a key of 48 bytes and an escape sequence inside", a,
                   {"energy_import": wh("9876543.2"), "energy_export": "0 uJ", "power_active": "-123.4 W"}),
            framed("integers of 3, 5 and 6 bytes, coarse scales", b,
                   {"energy_import": wh(0x010203), "energy_export": wh(500), "power_active": "1000 W"}),
            framed("a negative count, text for a number, a wrong unit", c,
                   {"energy_import": "gap decode.out-of-range", "energy_export": "gap decode.malformed",
                    "power_active": "gap decode.malformed"})]


def ed300l():
    def at(status):
        return sml_frame(sml_entry("1-0:0.0.9", octets(SERVER)),
                         sml_entry("1-0:1.8.0", unsigned(172436756, 5), 30, -1, status),
                         sml_entry("1-0:2.8.0", unsigned(12, 5), 30, -1), sml_entry("1-0:15.7.0", signed(1266, 4), 27, -1))
    both = {"energy_import": wh("17243675.6"), "energy_export": wh("1.2")}
    return [framed("importing: bit 5 is not set", at(unsigned(0x0182, 2)), {**both, "power_active": "126.6 W"}),
            framed("exporting", at(unsigned(0x01B0, 2)), {**both, "power_active": "-126.6 W"}),
            framed("without a status nobody knows the direction", at(NONE), {**both, "power_active": "gap decode.missing"})]


def mt175():
    a = sml_frame(sml_entry("1-0:1.8.0", unsigned(20431047, 8), 30, -1), sml_entry("1-0:2.8.0", unsigned(3, 8), 30, -1),
                  sml_entry("1-0:16.7.0", signed(-300, 4), 27, 0), sml_entry("1-0:36.7.0", signed(-400, 4), 27, 0),
                  sml_entry("1-0:56.7.0", signed(50, 4), 27, 0), sml_entry("1-0:76.7.0", signed(50, 4), 27, 0))
    return [framed("one phase exports", a,
                   {"energy_import": wh("2043104.7"), "energy_export": wh("0.3"), "power_active": "-300 W",
                    "power_active_l1": "-400 W", "power_active_l2": "50 W", "power_active_l3": "50 W"})]


def dzg_old():
    def at(power):
        return sml_frame(sml_entry("1-0:1.8.0", unsigned(13391, 2), 30, 3), sml_entry("1-0:2.8.0", unsigned(0, 1), 30, 3),
                         sml_entry("1-0:16.7.0", power, 27, -2))
    both = {"energy_import": wh(13391000), "energy_export": "0 uJ"}
    return [framed("a positive power that looks negative", at(tl(5, (54986).to_bytes(2, "big"))),
                   {**both, "power_active": "549.86 W"}),
            framed("a true negative power", at(signed(-10550, 3)), {**both, "power_active": "-105.5 W"})]


def ebz():
    a = sml_frame(sml_entry("1-0:1.8.0", signed(45008141335, 8), 30, -5), sml_entry("1-0:2.8.0", signed(219799000, 8), 30, -5),
                  sml_entry("1-0:16.7.0", signed(35289, 4), 27, -2), sml_entry("1-0:36.7.0", signed(8226, 4), 27, -2),
                  sml_entry("1-0:56.7.0", signed(2706, 4), 27, -2), sml_entry("1-0:76.7.0", signed(24357, 4), 27, -2))
    return [framed("hundred-thousandths of a watt-hour", a,
                   {"energy_import": wh("450081.41335"), "energy_export": wh("2197.99"), "power_active": "352.89 W",
                    "power_active_l1": "82.26 W", "power_active_l2": "27.06 W", "power_active_l3": "243.57 W"})]


def telegram(*lines):
    text = "\r\n".join(lines) + "\r\n!"
    return text + "%04X\r\n" % reflected(text.encode("latin-1"), 0xA001, 0, 0)


def dsmr():
    head = ("/NODE5TEST\\1", "", "1-3:0.2.8(50)", "0-0:1.0.0(251013161201S)")
    a = telegram(*head, "1-0:1.8.1(000123.456*kWh)", "1-0:1.8.2(000000.544*kWh)", "1-0:2.8.1(000000.001*kWh)",
                 "1-0:2.8.2(000000.002*kWh)", "1-0:1.7.0(00.000*kW)", "1-0:2.7.0(00.900*kW)")
    b = telegram(*head, "1-0:1.8.1(000123.456*kWh)", "1-0:1.7.0(00.900*kW)")
    c = telegram(head[0], "", "0-0:1.0.0(251013160301S)", "1-0:1.8.1(000123.456*kWh)", "1-0:1.8.2(000000.544*kWh)")
    return [lined("exporting", a, {"energy_import": "446400000000000 uJ", "energy_export": "10800000000 uJ",
                                   "power_active": "-900 W"}),
            lined("one tariff is no total, and one direction is no power", b,
                  {"energy_import": "gap decode.missing", "power_active": "gap decode.missing"}),
            lined("a telegram that was kept for nine minutes", c, {"energy_import": "gap decode.stale"})]


def d0(asked):
    def readout(head, *lines):
        data = "\r\n".join(lines) + "\r\n!\r\n\x03"
        check = 0
        for byte in data.encode("latin-1"):
            check ^= byte
        return head + "\x02" + data + chr(check)
    head = "/TST5Probe\r\n" if asked else ""
    a = readout(head, "1-0:1.8.0*255(000123.456*kWh)", "1-0:16.7.0*255(000900*W)")
    b = readout(head, "0.0.0(12345678)", "F.F(00)", "1.8.0(0001234.5*Wh)2.8.0(00000.250)", "1.8.0*01(000100.000*kWh)",
                "32.7(230.1*V)", "52.7.0(231*V)", "72.7.0(229.95*V)", "1.6.0(5.25*kW)(2510131200)")
    c = readout(head, "1-0:1.8.0(000123.456*kvarh)", "1-0:16.7.0(nan*kW)")
    return [lined("with units and whole codes", a, {"energy_import": "444441600000000 uJ", "power_active": "900 W"}),
            lined("short codes, several values to a line, values of the past", b,
                  # Printed finer than the profile's watt-hour: rounded to it.
                  {"energy_import": f"{half_away(Fraction('1234.5')) * WH} uJ", "energy_export": "900000000000 uJ", "voltage_l1": "230.1 V", "voltage_l2": "231 V", "voltage_l3": "229.95 V"}),
            lined("another quantity, and a word for a number", c,
                  {"energy_import": "gap decode.malformed", "power_active": "gap decode.malformed"})]


def types():
    """Every type in every order, at the edges of what it holds."""
    edges = {}
    for bits in (16, 32, 64):
        edges[f"int{bits}"] = [0, 1, -1, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0x0102030405060708 >> (64 - bits)]
        edges[f"uint{bits}"] = [0, 1, 2 ** bits - 1, 0x0102030405060708 >> (64 - bits)]
    edges["float32"] = edges["float64"] = [0.0, 1.0, -2.5, 1e-3, 123456.789, 3.4e38, -1e-38]
    for kind, values in edges.items():
        for order in ("ABCD", "CDAB", "BADC", "DCBA"):
            for value in values:
                raw = pack(kind, value)
                held = struct.unpack(FORMATS[kind], raw)[0]
                yield {"type": kind, "order": order, "words": words(raw, order), "value": repr(held)}


def gen1_relay():
    # 1 W-minute is 60 J.
    body = {"meters": [{"power": 41.27, "overpower": 0, "is_valid": True, "timestamp": 1760364721,
                        "counters": [41.2, 40.9, 41.1], "total": 987654321}], "unixtime": 1760364721}
    unsure = {"meters": [{"power": 0.0, "overpower": 0, "is_valid": False, "timestamp": 0, "counters": [0, 0, 0], "total": 0}]}
    return [payload("in use", "status", body, {"power_active": "41.27 W", "energy_import": f"{987654321 * 60 * J} uJ"}),
            payload("the device does not believe it", "status", unsure,
                    {"power_active": "gap decode.sentinel", "energy_import": "gap decode.sentinel"})]


def netio():
    measured = ("power_active", "current", "voltage", "frequency", "power_factor", "energy_import")
    body = {"Agent": {"Model": "PowerPDU 4C", "Version": "3.4.0", "JSONVer": "2.1", "SerialNumber": "24:A4:2C:00:00:01",
                      "NumOutputs": 4},
            "GlobalMeasure": {"Voltage": 229.8, "Frequency": 50.0, "TotalCurrent": 1875, "OverallPowerFactor": 0.96,
                              "TotalLoad": 414, "TotalEnergy": 233221, "EnergyStart": "2026-01-01T00:00:00+01:00"},
            "Outputs": []}
    bare = {"Agent": {"Model": "PowerBOX 3PE", "JSONVer": "2.4"}, "Outputs": [{"ID": 1, "State": 1}]}
    return [payload("two outputs in use", "netio.json", body,
                    {"power_active": "414 W", "current": "1.875 A", "voltage": "229.8 V", "frequency": "50 Hz",
                     "power_factor": "0.96 1", "energy_import": f"{233221 * WH} uJ"}),
            payload("a model without metering", "netio.json", bare, {channel: "gap decode.missing" for channel in measured})]


def gen1_em():
    body = {"emeters": [{"power": -12.5, "reactive": 3.1, "pf": -0.97, "voltage": 231.4, "is_valid": True,
                         "total": 123456.7, "total_returned": 89.1}]}
    return [payload("power flows back", "status", body,
                    {"power_active": "-12.5 W", "voltage": "231.4 V", "power_factor": "-0.97 1",
                     "energy_import": f"{int(Fraction('123456.7') * WH)} uJ",
                     "energy_export": f"{int(Fraction('89.1') * WH)} uJ"})]


def shelly_switch_http():
    body = {"switch:0": {"id": 0, "source": "init", "output": True, "apower": 1012.4, "voltage": 231.2, "current": 4.41,
                         "aenergy": {"total": 1234567.891, "by_minute": [0.0, 0.0, 0.0], "minute_ts": 1760364720},
                         "temperature": {"tC": 41.5, "tF": 106.7}}, "sys": {"mac": "AABBCCDDEEFF", "unixtime": 1760364721}}
    return [payload("whole status", "rpc/Shelly.GetStatus", body,
                    {"power_active": "1012.4 W", "voltage": "231.2 V", "current": "4.41 A", "temperature": "41.5 Cel",
                     "energy_import": f"{int(Fraction('1234567.891') * WH)} uJ"})]


def pro3em_http():
    body = {"em:0": {"id": 0, "a_act_power": 300.5, "a_voltage": 230.1, "a_current": 1.5, "a_freq": 50.0, "b_act_power": -20.5,
                     "b_voltage": 229.9, "b_current": 2.5, "c_act_power": 0.0, "c_voltage": 231.0, "c_current": 0.25,
                     "total_current": 4.25, "total_act_power": 280.0, "total_aprt_power": 977.6},
            "emdata:0": {"id": 0, "total_act": 601.51, "total_act_ret": 3.02}}
    uj = lambda text: f"{int(Fraction(text) * WH)} uJ"
    return [payload("one phase reversed", "rpc/Shelly.GetStatus", body,
                    {"power_active": "280 W", "power_active_l1": "300.5 W", "power_active_l2": "-20.5 W",
                     "power_active_l3": "0 W", "power_apparent": "977.6 VA", "voltage_l1": "230.1 V", "voltage_l2": "229.9 V",
                     "voltage_l3": "231 V", "current_l1": "1.5 A", "current_l2": "2.5 A", "current_l3": "0.25 A",
                     "frequency": "50 Hz", "energy_import": uj("601.51"), "energy_export": uj("3.02")})]


def tasmota_http():
    held = struct.unpack(">f", struct.pack(">f", 20000.123))[0]
    body = {"StatusSNS": {"Time": "2026-02-04T23:17:01",
                          "ENERGY": {"TotalStartTime": "2025-10-25T15:22:04", "Total": round(held, 3), "Power": 0}}}
    return [payload("the float's step is coarser than a watt-hour", "cm?cmnd=Status%208", body,
                    {"energy_import": f"{half_away(Fraction(held) * KWH)} uJ", "power_active": "0 W",
                     "voltage": "gap decode.missing"})]


def redfish(kind):
    energy = {"Reading": 12.3, "LifetimeReading": 98765.4, "SensorResetTime": "2026-01-01T00:00:00Z"}
    uj = f"{int(Fraction('98765.4') * KWH)} uJ"
    if kind == "outlet":
        body = {"@odata.id": "/redfish/v1/PowerEquipment/RackPDUs/1/Outlets/A1", "Id": "A1",
                "PowerWatts": {"Reading": 412.5, "ApparentVA": 430.1, "PowerFactor": 0.96}, "Voltage": {"Reading": 231.2},
                "CurrentAmps": {"Reading": 1.86}, "FrequencyHz": {"Reading": 50.01}, "EnergykWh": energy}
        return [payload("an outlet", "", body,
                        {"power_active": "412.5 W", "power_apparent": "430.1 VA", "power_factor": "0.96 1", "voltage": "231.2 V",
                         "current": "1.86 A", "frequency": "50.01 Hz", "energy_import": uj}),
                payload("no lifetime count", "", {"PowerWatts": {"Reading": None}, "EnergykWh": {"Reading": 5.5}},
                        {"power_active": "gap decode.sentinel", "energy_import": "gap decode.missing"})]
    suffix = "Metrics" if kind == "unit" else "EnvironmentMetrics"
    body = {"@odata.id": f"/redfish/v1/x/1/{suffix}", "PowerWatts": {"Reading": 5123}, "EnergykWh": energy}
    return [payload("as the schema says", suffix, body, {"power_active": "5123 W", "energy_import": uj})]


def wt310():
    said = lambda name, reply, expect: {"name": name, "origin": "derived", "reply": reply, "expect": expect}
    return [said("a server", "230.15E+00,1.8123E+00,398.21E+00,417.10E+00,954.7E-03,49.998E+00",
                 {"voltage": "230.15 V", "current": "1.8123 A", "power_active": "398.21 W", "power_apparent": "417.1 VA",
                  "power_factor": "0.9547 1", "frequency": "49.998 Hz"}),
            said("nothing connected", "0.04E+00,0.0000E+00,0.0E+00,0.0E+00,NAN,9.91E+37",
                 {"voltage": "0.04 V", "power_active": "0 W", "power_factor": "gap decode.not-a-number",
                  "frequency": "gap decode.not-a-number"}),
            said("a field is missing", "230.15E+00,1.8123E+00,398.21E+00", {"power_active": "gap decode.malformed"})]


def esphome():
    bare = lambda name, suffix, text, expect: {"name": name, "origin": "derived", "suffix": suffix, "payload": text,
                                               "expect": expect}
    return [bare("power", "sensor/power/state", "1035.0", {"power_active": "1035 W"}),
            bare("energy", "sensor/energy/state", "123456", {"energy_import": f"{123456 * WH} uJ"}),
            bare("voltage", "sensor/voltage/state", "230.1", {"voltage": "230.1 V"}),
            bare("current", "sensor/current/state", "4.500", {"current": "4.5 A"}),
            bare("frequency", "sensor/frequency/state", "50.0", {"frequency": "50 Hz"}),
            bare("power factor", "sensor/power_factor/state", "1.00", {"power_factor": "1 1"}),
            bare("no data", "sensor/power/state", "nan", {"power_active": "gap decode.malformed"})]


def zigbee():
    body = {"state": "ON", "power": 123, "energy": 4.5, "voltage": 231, "current": 0.54, "linkquality": 94}
    return [payload("state of a plug", "", body,
                    {"power_active": "123 W", "voltage": "231 V", "current": "0.54 A",
                     "energy_import": f"{int(Fraction('4.5') * KWH)} uJ"})]


def three_phase(a, start, volts, amps, watts, scale="1"):
    phases(a, "voltage", start[0], "float32", volts, "V")
    phases(a, "current", start[1], "float32", amps, "A")
    phases(a, "power_active", start[2], "float32", watts, "W", scale=scale)


def sdm230():
    a = Meter()
    a.gauge("voltage", 0, "float32", 231.5, "V")
    a.gauge("current", 6, "float32", 3.25, "A")
    a.gauge("power_active", 12, "float32", -741.5, "W")
    a.gauge("frequency", 70, "float32", 50.0, "Hz")
    a.energy("energy_import", 72, "float32", 987.65, KWH, "0.01")
    a.energy("energy_export", 74, "float32", 33.25, KWH, "0.01")
    return [a.vector("power flows back")]


def sdm72():
    a = Meter()
    three_phase(a, (0, 6, 12), [230.0, 231.0, 229.5], [1.0, 2.0, 3.0], [229.5, 461.0, 688.0])
    a.gauge("power_active", 52, "float32", 1378.5, "W")
    a.gauge("frequency", 70, "float32", 49.984375, "Hz")
    a.energy("energy_import", 72, "float32", 65536.5, KWH, "0.01")
    a.energy("energy_export", 74, "float32", 0.0, KWH, "0.01")
    return [a.vector("three loads")]


def em340():
    a = Meter("CDAB")
    for name, at, values, scale, unit in (("voltage", 0, [2301, 2312, 2295], "0.1", "V"), ("current", 12, [1500, -250, 70000], "0.001", "A"),
                                          ("power_active", 18, [3450, -575, 160650], "0.1", "W")):
        phases(a, name, at, "int32", values, unit, scale=scale)
    a.gauge("power_active", 40, "int32", 163525, "W", scale="0.1")
    a.gauge("power_apparent", 42, "int32", 164000, "VA", scale="0.1")
    a.gauge("power_factor", 49, "int16", -997, "1", scale="0.001")
    a.gauge("frequency", 51, "int16", 500, "Hz", scale="0.1")
    a.count("energy_import", 52, "int32", 1234567, KWH, scale="0.1")
    a.count("energy_import_partial", 60, "int32", 4567, KWH, scale="0.1")
    for i, value in enumerate([400000, 400001, 434566]):
        a.count(f"energy_import_l{i + 1}", 64 + 2 * i, "int32", value, KWH, scale="0.1")
    a.count("energy_export", 78, "int32", 12, KWH, scale="0.1")
    b = Meter("CDAB")
    b.raw("energy_import", 52, words(pack("int32", 0x7FFFFFFF), "CDAB"), "decode.sentinel")
    return [a.vector("a phase that feeds back"), b.vector("overflow")]


def pm5000():
    a = Meter()
    three_phase(a, (3027, 2999, 3053), [229.0, 230.0, 231.0], [10.0, 11.5, 12.25], [2.25, 2.5, 2.75], scale="1000")
    a.gauge("power_active", 3059, "float32", 7.5, "W", scale="1000")
    a.gauge("power_apparent", 3075, "float32", 7.75, "VA", scale="1000")
    a.gauge("frequency", 3109, "float32", 60.0, "Hz")
    a.count("energy_import", 3203, "int64", 4_294_967_299, WH)
    a.count("energy_export", 3207, "int64", 5, WH)
    return [a.vector("more than 32 bits of Wh")]


def pro380():
    a = Meter()
    three_phase(a, (0x5002, 0x500C, 0x5014), [229.5, 230.5, 231.5], [0.5, 1.5, 2.5], [0.125, 0.25, 0.5], scale="1000")
    a.gauge("power_active", 0x5012, "float32", 0.875, "W", scale="1000")
    a.gauge("frequency", 0x5008, "float32", 50.0, "Hz")
    a.energy("energy_import", 0x600C, "float32", 4321.12, KWH, "0.01")
    a.energy("energy_export", 0x6018, "float32", 1.25, KWH, "0.01")
    return [a.vector("three loads")]


def pzem():
    a = Meter("CDAB")
    a.gauge("voltage", 0, "uint16", 2301, "V", scale="0.1")
    a.gauge("current", 1, "uint32", 70000, "A", scale="0.001")
    a.gauge("power_active", 3, "uint32", 161000, "W", scale="0.1")
    a.count("energy_import", 5, "uint32", 9999989, WH)
    a.gauge("frequency", 7, "uint16", 500, "Hz", scale="0.1")
    a.gauge("power_factor", 8, "uint16", 100, "1", scale="0.01")
    b = Meter("CDAB")
    b.raw("energy_import", 5, words(pack("uint32", 10_000_000), "CDAB"), "decode.out-of-range")
    return [a.vector("just before the count starts again"), b.vector("more than it can count")]


PROFILES = {
    "eastron-sdm120": sdm120, "eastron-sdm630": sdm630, "schneider-iem3155": iem3155, "abb-b23": abb_b23,
    "janitza-umg604": umg604, "siemens-pac2200": pac, "siemens-pac3200": pac, "shelly-gen2-switch": shelly_switch,
    "shelly-pro-3em": pro3em, "tasmota-energy": tasmota, "node-rapl-nvml": node,
    "raritan-px": raritan, "apc-rpdu2": apc, "eaton-epdu": eaton, "vertiv-geist": vertiv, "gude-pdu835x": gude,
    "enlogic-pdu2": enlogic, "panduit-g5": panduit,
    "sml-ehz": sml_ehz, "emh-ed300l": ed300l, "iskra-mt175": mt175, "dzg-dvs74-old": dzg_old, "ebz-dd3": ebz,
    "dsmr-5": dsmr, "dsmr-4": dsmr, "iec-62056-21-asked": lambda: d0(True),
    "iec-62056-21-push": lambda: d0(False),
    "eastron-sdm230": sdm230, "eastron-sdm72d-m-v2": sdm72, "carlo-gavazzi-em340": em340, "schneider-pm5000": pm5000,
    "inepro-pro380": pro380, "peacefair-pzem": pzem,
    "shelly-gen1-relay": gen1_relay, "shelly-gen1-em": gen1_em, "shelly-gen2-switch-http": shelly_switch_http,
    "shelly-pro-3em-http": pro3em_http, "tasmota-energy-http": tasmota_http, "redfish-outlet": lambda: redfish("outlet"),
    "redfish-power-unit": lambda: redfish("unit"), "redfish-chassis": lambda: redfish("chassis"), "yokogawa-wt310": wt310,
    "netio-json": netio, "esphome-pzem": esphome, "zigbee2mqtt-plug": zigbee,
}

if __name__ == "__main__":
    print(json.dumps({"profiles": {k: make() for k, make in PROFILES.items()}, "types": list(types()), "pdus": pdus()}, indent=1))
