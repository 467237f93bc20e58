"""What a correction model makes of the energy of a node's chips, with Python's standard library alone (docs/ledger-format.md,
"From bytes to energy"): its equation, and the late states that follow the chips.
"""
import math, re
from raw_readings import round_half_up

KINDS = (
    ("whole", r"(^|[:/_-])module([:/_-]|\d|$)"),
    ("core", r"(^|[:/_-])(cores?|pp0|uncore|pp1)([-_\d]|$)"),
    ("dram", r"(^|[:/_-])(dram|ram|mem|memory)([-_\d]|$)"),
    ("gpu", r"(^|[:/_-])(nvml|gpu|accel|rocm|amdsmi|gaudi)([:/_-]|\d|$)"),
    ("cpu", r"(^|[:/_-])(package|pkg|proc|socket|cpu)([-_\d]|$)"),
    ("whole", r"(^|[:/_-])(psys|system|platform|bulk|node|total|dc|psu-output)([-_\d]|$)"),
)
REMEMBERED_S = 120


def kind_of(source):
    return next((kind for kind, pattern in KINDS if re.search(pattern, source.lower())), "other")


def disjoint_sources(components):
    """Sources that add up, in the order in which they are added: none lies inside another."""
    known = [one for one in components if "mmio" not in one.lower()]
    packages = [one for one in known if kind_of(one) == "cpu"]
    outer = [one for one in known if not (kind_of(one) == "core" and packages)]
    single = [one for one in outer if kind_of(one) != "whole"]
    wanted = single or outer
    return [one for kind in ("cpu", "dram", "gpu", "other", "whole", "core") for one in wanted if kind_of(one) == kind]


def source_energies(curves, start, until):
    """J of each source over an interval; None where one is not known."""
    energies = {}
    for source, curve in curves.items():
        a, b = (curve.edge(at) if curve else None for at in (start, until))
        if a is None or b is None or a[0] != b[0]:
            return None
        energies[source] = float(b[1] - a[1]) / 1e6
    return energies or None


def microjoules(energy):
    magnitude = abs(energy)
    whole = math.trunc(magnitude)
    total = whole * 10**6 + round_half_up((magnitude - whole) * 1e6)
    return -total if energy < 0 else total


def term_powers(model, energies, length):
    powers = []
    for term in model["terms"]:
        energy = 0.0
        for source in term["sources"]:
            energy += energies[source]
        for source in term.get("less", ()):
            energy -= energies[source]
        powers.append(energy / length)
    return powers


def corrected(model, energies, start, until, curves=None):
    """Energy at the wall, J. Without `curves` only the mean load is known: late states are then at rest."""
    length = float(until - start) / 1e9
    powers = term_powers(model, energies, length)
    chip = 0.0
    for power in powers:
        chip += power
    detail = model.get("detail", {})
    shapes = detail.get("shapes", [])
    known = late_energies(model, shapes, curves, start, until) if curves is not None else None
    watts = float(model["intercept_w"])
    for term, power in zip(model["terms"], powers):
        watts += term["gain_ratio"] * power
    for index, shape in enumerate(shapes):
        at_rest = (chip * chip) / shape["scale_w"] if shape["kind"] == "square" else 0.0
        watts += shape["gain_ratio"] * (known[index] / length if known is not None else at_rest)
    for condition in detail.get("conditions", []):
        watts += condition["gain_w"] * condition["effect_mean_ratio"]
    return watts * length


def late_energies(model, shapes, curves, start, until):
    """J by shape over the interval, from the chips' total in even steps that end with it."""
    if not shapes:
        return []
    inside = {source for term in model["terms"] for source in term.get("less", ())}
    sources = [s for s in dict.fromkeys(s for term in model["terms"] for s in term["sources"]) if s not in inside]
    if any(curves.get(source) is None for source in sources):
        return None
    taus = [float(shape["tau_s"]) for shape in shapes if shape["kind"] != "square"]
    length = float(until - start) / 1e9
    run_up = min(3 * max([0.0] + taus), max(length, REMEMBERED_S))
    step = max(1.0, min([length] + taus) / 8, (length + run_up) / 2000)
    sums, times, number = [], [], 0
    while number * step <= length + run_up:
        back = number * step
        edges = [curves[source].edge(until - round_half_up(back * 1e9)) for source in sources]
        if any(edge is None for edge in edges):
            if back < length:
                return None
            break
        sums.append(sum(edge[1] for edge in edges))
        times.append(-back)
        number += 1
    first = sums[-1]
    sums.reverse()
    times.reverse()
    energies = [float(each - first) / 1e6 for each in sums]
    covered = [each - times[0] for each in times]
    found = []
    for shape in shapes:
        shaped = shaped_series(times, energies, covered, shape)
        ends = [value_at(times, shaped, -length), value_at(times, shaped, 0.0)]
        spans = [value_at(times, covered, -length), value_at(times, covered, 0.0)]
        found.append((ends[1] - ends[0]) / (spans[1] - spans[0]) * length)
    return found


def value_at(times, series, at):
    knot = next((index for index, time in enumerate(times) if time >= at), len(times))
    if knot == 0 or knot >= len(times):
        return series[0 if knot == 0 else -1]
    share = (at - times[knot - 1]) / (times[knot] - times[knot - 1])
    return series[knot - 1] + share * (series[knot] - series[knot - 1])


def shaped_series(times, energies, covered, shape):
    """A state z with tau z' = P - z; its energy beside P is what it has not yet followed."""
    tau = 0.0 if shape["kind"] == "square" else float(shape["tau_s"])
    state = starting(times, energies, covered, tau)
    out = [0.0]
    for knot in range(1, len(times)):
        length = times[knot] - times[knot - 1]
        power = (energies[knot] - energies[knot - 1]) / (covered[knot] - covered[knot - 1])
        if shape["kind"] == "square":
            out.append(out[-1] + (power * power * (covered[knot] - covered[knot - 1])) / shape["scale_w"])
            continue
        after = power + (state - power) * math.exp(-length / tau)
        weight = power / shape["scale_w"] if shape["kind"] == "warm" else 1
        out.append(out[-1] + weight * (tau * (state - after)))
        state = after
    return out


def starting(times, energies, covered, tau):
    for knot in range(1, len(times)):
        seconds = covered[knot] - covered[0]
        if seconds >= tau or knot == len(times) - 1:
            return (energies[knot] - energies[0]) / seconds if seconds > 0 else 0.0
    return 0.0
