"""Energy curves from readings, with Python's standard library alone (docs/ledger-format.md, "From bytes to energy"): what is an
anchor, where a curve breaks, and its value at an instant. Whole numbers are exact; doubles are computed in the order given there.
"""
import bisect, math

NS = 1e9
FROZEN_NS, FROZEN_W, FROZEN_QUANTA = 600 * 10**9, 200, 10


class Power:
    """Samples of one gauge, which give an energy curve its shape."""

    def __init__(self):
        self.at, self.watts = [], []

    def observe(self, at, watts):
        if not self.at or at > self.at[-1]:
            self.at.append(at)
            self.watts.append(max(0.0, watts))

    def value(self, at, hole):
        index = bisect.bisect_right(self.at, at)
        earlier = index > 0 and (at - self.at[index - 1]) / NS <= hole
        later = index < len(self.at) and (self.at[index] - at) / NS <= hole
        if earlier and later:
            a, b = self.watts[index - 1], self.watts[index]
            return a + (b - a) * ((at - self.at[index - 1]) / (self.at[index] - self.at[index - 1]))
        return self.watts[index - 1] if earlier else self.watts[index] if later else None

    def integral(self, start, end, hole):
        """Trapezia from start to end, J; None across a hole."""
        watts = self.value(start, hole)
        if watts is None:
            return None
        total, before = 0.0, start
        for index in range(bisect.bisect_right(self.at, start), len(self.at)):
            at = self.at[index]
            if at >= end:
                break
            length = (at - before) / NS
            if length > hole:
                return None
            total += ((watts + self.watts[index]) / 2) * length
            before, watts = at, self.watts[index]
        last, length = self.value(end, hole), (end - before) / NS
        if last is None or length > hole:
            return None
        return total + ((watts + last) / 2) * length


class Curve:
    """Stretches of anchors [at], [energy], with the holes of each; nothing is known between stretches."""

    def __init__(self):
        self.stretches = []

    def begin(self, at, energy):
        self.stretches.append(([at], [energy], []))

    def push(self, at, energy):
        self.stretches[-1][0].append(at)
        self.stretches[-1][1].append(energy)

    def around(self, at):
        """(stretch, before, after) as indexes, or None."""
        for number, (times, _, _) in enumerate(self.stretches):
            index = bisect.bisect_right(times, at)
            if index == 0:
                continue
            if times[index - 1] == at:
                return number, index - 1, index - 1
            if index < len(times):
                return number, index - 1, index
        return None

    def edge(self, at, shape=None):
        """(stretch, energy, anchors) at an instant; None where there is none."""
        found = self.around(at)
        if found is None:
            return None
        number, before, after = found
        times, energies, _ = self.stretches[number]
        rise = energies[after] - energies[before]
        share = self.share(times[before], at, times[after]) if shape is None else shape(times[before], at, times[after])
        anchors = (times[before], energies[before], times[after], energies[after])
        return number, energies[before] + math.floor(rise * share + 0.5), anchors

    def hole_around(self, at):
        found = self.around(at)
        return found is not None and any(a < at < b for a, b in self.stretches[found[0]][2])

    def share(self, before, at, after):
        return 0.0 if at == before else (at - before) / (after - before)


class PowerCurve(Curve):
    """Integrated power of an instrument that has no register."""

    def __init__(self, hole):
        super().__init__()
        self.hole, self.last = hole, None

    def observe(self, at, watts):
        if self.last is not None and at <= self.last[0]:
            return
        if self.last is None or (at - self.last[0]) / NS > self.hole:
            self.begin(at, 0)
            self.last = (at, watts, 0)
            return
        step = (max(0.0, self.last[1] + watts) / 2) * ((at - self.last[0]) / NS)
        total = self.last[2] + math.floor(step * 1e6 + 0.5)
        self.push(at, total)
        self.last = (at, watts, total)


class RegisterCurve(Curve):
    """A counter: anchors where it advanced, a break where a step is not known."""

    def __init__(self, instrument):
        super().__init__()
        self.ceiling, self.hole, self.hold = (instrument[key] for key in ("ceiling_w", "hole_s", "hold_after_s"))
        self.power, self.last, self.earlier, self.suspects = Power(), None, None, []
        self.start = self.quantum = 0
        self.looked = None

    def share(self, before, at, after):
        if at == before:
            return 0.0
        whole, part = self.power.integral(before, after, self.hole), self.power.integral(before, at, self.hole)
        if whole is not None and part is not None and whole > 0:
            return min(1.0, part / whole)
        return (at - before) / (after - before)

    def most(self, before, after):
        elapsed = after["until"] - before["from"]
        return math.ceil((self.ceiling * float(elapsed)) / 1e3) + 2 * after["quantum"]

    def step(self, before, after):
        """What was counted between two readings, or None where that is not known."""
        if before["epoch"] != after["epoch"]:
            return None
        most, wraps, by = self.most(before, after), after["wraps"], after["energy"] - before["energy"]
        if wraps is not None and most >= wraps:
            return None
        if by < 0:
            by = by + wraps if wraps is not None else most + 1
        return by if by <= most else None

    def observe(self, reading):
        at = (reading["from"] + reading["until"]) // 2
        if self.last is None:
            self.restart(reading, at)
            return
        last_at, last, total = self.last
        if at <= last_at:
            return
        by = self.step(last, reading)
        if by is None or self.comes_back(last_at, last, reading, at, by):
            self.suspect(reading, last["epoch"] != reading["epoch"])
            return
        self.suspects = []
        self.advance(last_at, total, reading, at, by)

    def restart(self, reading, at):
        self.begin(at, reading["energy"])
        self.quantum, self.start = reading["quantum"], reading["energy"]
        self.last = (at, reading, reading["energy"])

    def advance(self, last_at, total, reading, at, by):
        times, energies, holes = self.stretches[-1]
        anchor, total = times[-1], total + by
        if self.is_frozen(anchor, at, total - energies[-1], reading["quantum"]):
            self.restart(reading, at)
            return
        elapsed = at - last_at
        if float(elapsed) > self.hole * 1e9:
            holes.append((last_at, at))
        self.last, self.quantum = (at, reading, total), reading["quantum"]
        if by > 0:
            quanta = by // reading["quantum"] if reading["quantum"] > 0 else 1
            self.push(at - elapsed // (2 * max(1, quanta)), total)
        elif float(at - anchor) > self.hold * 1e9:
            self.push(at, total)

    def suspect(self, reading, restarted):
        """Three readings that agree with each other are believed; a new epoch at once."""
        before = self.suspects[-1] if self.suspects else None
        agrees = (
            before is not None
            and (before["from"] + before["until"]) // 2 < (reading["from"] + reading["until"]) // 2
            and self.step(before, reading) is not None
        )
        self.suspects = self.suspects + [reading] if agrees else [reading]
        if not restarted and len(self.suspects) < 3:
            return
        believed, self.suspects = self.suspects, []
        last_at, last, total = self.last
        self.earlier = last
        if last_at > self.stretches[-1][0][-1]:
            self.push(last_at, total)
        first = believed[0]
        self.restart(first, (first["from"] + first["until"]) // 2)
        for one in believed[1:]:
            self.observe(one)

    def comes_back(self, last_at, last, reading, at, by):
        """From zeros back to the count before them: then the zeros were the glitch."""
        earlier = self.earlier
        if earlier is not None and last["energy"] < earlier["energy"]:
            forward = self.step(earlier, reading)
            advanced = forward is not None and reading["energy"] >= earlier["energy"]
            if advanced and 2 * (reading["energy"] - last["energy"]) > earlier["energy"] - self.start:
                return True
        if last["energy"] != 0:
            return False
        flowed = self.power.integral(last_at, at, self.hole)
        return flowed is not None and float(by - 10 * reading["quantum"]) / 1e6 > 10 * flowed

    def is_frozen(self, anchor, at, by, quantum):
        """It stands while its own meter shows power: looked at once in ten minutes."""
        since = self.looked if self.looked is not None and self.looked > anchor else anchor
        if at - since < FROZEN_NS:
            return False
        self.looked = at
        flowed = self.power.integral(anchor, at, self.hole)
        if flowed is None:
            return False
        counted, step = float(by) / 1e6, float(quantum) / 1e6
        mean = flowed / (float(at - anchor) / 1e9)
        return mean >= FROZEN_W and flowed >= 2 * counted and flowed - counted > FROZEN_QUANTA * step


class Traces:
    """Curves of all instruments by source and component."""

    def __init__(self, configuration):
        self.instruments = {one["id"]: one for one in configuration["instruments"]}
        self.registers, self.powers, self.gauges = {}, {}, {}

    def observe(self, source, readings):
        instrument = self.instruments[source]
        for kind, component, *rest in readings:
            if kind != "gauge":
                continue
            at, watts = rest
            key = (source, component)
            if key in self.gauges and at < self.gauges[key][0]:
                continue
            self.gauges[key] = (at, watts)
            if key in self.registers:
                self.registers[key].power.observe(at, watts)
            else:
                self.powers.setdefault(key, PowerCurve(instrument["hole_s"])).observe(at, watts)
        for kind, component, *rest in readings:
            if kind != "counter":
                continue
            key = (source, component)
            if key not in self.registers:
                self.registers[key] = RegisterCurve(instrument)
                if key in self.gauges:
                    self.registers[key].power.observe(*self.gauges[key])
            self.registers[key].observe(rest[0])

    def curve(self, source, component=""):
        return self.registers.get((source, component)) or self.powers.get((source, component))

    def components(self, source):
        return sorted({component for at, component in list(self.registers) + list(self.powers) if at == source})
