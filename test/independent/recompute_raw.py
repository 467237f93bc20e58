#!/usr/bin/env python3
"""Recomputes the statements of a log from the raw bytes of its journal with Python's standard library alone, from
docs/ledger-format.md: sealed blocks, profiles, readings, anchors, edges, chips, models. Prints one line of JSON, or what does
not agree and ends with 1.

    recompute_raw.py DATA_DIR [EXPORT.csv]

With an export, its rows are compared as well: each must say what its leaf of the log says.
"""
import csv, hashlib, json, os, sys
from collections import Counter
from fractions import Fraction
from ledger_entries import entries_of, newest_of
from raw_readings import Bad, Unsupported, check_blocks, instant, readings_of
from energy_curves import Traces
from corrections import corrected, disjoint_sources, microjoules, source_energies

ESTIMATES_IN_PROGRESS = "register+power-held"


def profiles_of(entries):
    """By hash; the text must be what the hash says."""
    found = {}
    for entry in entries:
        if entry["type"] != "profile":
            continue
        text = entry["document"]["meaning"]
        if hashlib.sha256(text.encode()).hexdigest() != entry["document"]["profile_sha256"]:
            raise Bad("profile %s is not what its hash says" % entry["document"]["profile"])
        found[entry["document"]["profile_sha256"]] = json.loads(text, parse_float=Fraction)
    return found


class Recomputed:
    """Energies of intervals from the curves alone."""

    def __init__(self, configuration, traces, models):
        self.traces, self.models = traces, models
        self.meters = {one["point"]: one["meter"] for one in configuration["points"]}
        self.nodes = {"node/" + one["id"]: one for one in configuration["nodes"]}

    def chips(self, node):
        said = self.nodes[node]
        source = said["chips"]
        wanted = said.get("chip_sources") or disjoint_sources(self.traces.components(source))
        return {component: self.traces.curve(source, component) for component in wanted}

    def meter(self, point, start, until, anchors):
        """(energy, anchors of both edges); where the statement names models, chips give the shape of a hole."""
        source = self.meters[point]
        curve = self.traces.curve(source)
        named = {said["edge"]: said.get("models") for said in anchors if said["source"] == source}
        edges = [
            curve.edge(at, self.shape(point, named[edge], curve, at) if named.get(edge) else None) if curve else None
            for edge, at in (("from", start), ("until", until))
        ]
        if None in edges or edges[0][0] != edges[1][0]:
            return None
        return edges[1][1] - edges[0][1], [edge[2] for edge in edges]

    def shape(self, point, names, curve, at):
        """Share of a rise by the chips of the nodes behind the meter: only of a hole."""
        models = [self.models[name] for name in names]
        if sorted(model["node"] for model in models) != sorted(one["id"] for one in self.nodes.values() if point in one["fed_by"]):
            raise Bad("%s is given the shape of other nodes than it feeds" % point)
        if not curve.hole_around(at):
            raise Bad("%s has the shape of chips where it was read" % point)

        def wall(start, until):
            total = 0.0
            for model in models:
                total += corrected(model, source_energies(self.chips("node/" + model["node"]), start, until), start, until)
            return total

        def share(before, at, after):
            early, late = wall(before, at), wall(at, after)
            return early / (early + late)

        return share

    def energy(self, statement, start, until):
        kind, point = statement["kind"], statement["point"]
        if kind == "metered" and statement["method"] != "chips":
            if point in self.meters:
                return self.metered(statement, start, until)
            parts = [self.meter(feed, start, until, statement["anchors"]) for feed in self.nodes[point]["fed_by"]]
            return None if None in parts else sum(part[0] for part in parts)
        if kind == "metered":
            point = "node/" + self.models[statement["model"]]["node"]
        curves = self.chips(point)
        energies = source_energies(curves, start, until)
        if energies is None:
            return None
        if kind == "chip":
            total = 0.0
            for energy in energies.values():
                total += energy
            return microjoules(total)
        return microjoules(corrected(self.models[statement["model"]], energies, start, until, curves))

    def metered(self, statement, start, until):
        found = self.meter(statement["point"], start, until, statement["anchors"])
        if found is None:
            return None
        energy, anchors = found
        for said, own in zip(statement["anchors"], anchors):
            told = [instant(said["before"]["at"]), int(said["before"]["energy_uj"]), instant(said["after"]["at"]), int(said["after"]["energy_uj"])]
            if statement["method"] != "power" and told != list(own):
                raise Bad("%s at %s has other anchors: %s, the bytes say %s" % (statement["point"], statement["start"], told, list(own)))
        return energy


def check_parts(newest, configuration):
    """Of shared meters: parts and remainder of an interval are what the meters have. Returns how many were checked."""
    feeds = {one["id"]: set(one["fed_by"]) for one in configuration["nodes"]}
    checked = 0
    for (point, kind, start), (remainder, _) in newest.items():
        if kind != "allocated" or not point.startswith("account/unallocated-") or "energy_uj" not in remainder:
            continue
        name = point[len("account/unallocated-") :]
        group = group_of(name, feeds)
        points = set().union(*(feeds[node] for node in group))
        whole = sum(int(newest[(feed, "metered", start)][0]["energy_uj"]) for feed in points)
        parts = [newest[key][0] for key in (("node/" + node, "allocated", start) for node in group) if key in newest]
        if int(remainder["energy_uj"]) + sum(int(part.get("energy_uj", "0")) for part in parts) != whole:
            raise Bad("the parts of %s at %s are not what its meters have" % (point, start))
        checked += 1 + len(parts)
    return checked


def group_of(name, feeds):
    """The nodes that hang together with the point or node after which a group is called."""
    group = {node for node, points in feeds.items() if node == name or any(point.split("/")[1] == name for point in points)}
    while True:
        more = {node for node, points in feeds.items() if any(points & feeds[one] for one in group)}
        if more <= group:
            return group
        group |= more


def check_export(path, entries):
    """Each row against the leaf that it names."""
    count = 0
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            statement = entries[int(row["leaf"])]
            if (row["point"], row["energy_uj"]) != (statement["point"], statement.get("energy_uj", "")):
                raise Bad("row %s of the export is not leaf %s" % (row, row["leaf"]))
            count += 1
    return count


def recompute(data_dir, export=None):
    raw = entries_of(os.path.join(data_dir, "log"))
    entries = [json.loads(entry) for entry in raw]
    configuration = [entry["document"] for entry in entries if entry["type"] == "configuration"][-1]
    records = check_blocks(os.path.join(data_dir, "journal"), [entry for entry in entries if entry["type"] == "block"])
    traces = Traces(configuration)
    for source, readings in readings_of(records, configuration, profiles_of(entries)):
        traces.observe(source, readings)
    models = {entry["document"]["id"]: entry["document"] for entry in entries if entry["type"] == "model"}
    own, counts = Recomputed(configuration, traces, models), Counter()
    newest = newest_of(raw, len(raw))
    for statement, _ in newest.values():
        if "energy_uj" not in statement:
            counts["without"] += 1
        elif statement["kind"] == "allocated":
            counts["allocated"] += 1
        elif statement["quality"] == "provisional" and statement["kind"] == "metered":
            # Made before the register had moved again: what it was then is not in the bytes, and it is not final.
            counts["provisional"] += 1
        else:
            start = instant(statement["start"])
            found = own.energy(statement, start, start + round(statement["duration_s"] * 1e9))
            if found != int(statement["energy_uj"]):
                raise Bad("%s (%s) at %s says %s µJ, the bytes say %s" % (statement["point"], statement["kind"], statement["start"], statement["energy_uj"], found))
            counts[statement["kind"]] += 1
    counts["parts"] = check_parts(newest, configuration)
    if counts["parts"] != counts["allocated"]:
        raise Bad("a part belongs to no group")
    rows = check_export(export, entries) if export else 0
    return {"records": len(records), **{word: counts[word] for word in ("metered", "chip", "corrected", "parts", "provisional", "without")}, "rows": rows}


if __name__ == "__main__":
    try:
        print(json.dumps(recompute(*sys.argv[1:3])))
    except (Bad, Unsupported) as trouble:
        print(json.dumps({"bad" if isinstance(trouble, Bad) else "unsupported": str(trouble)}))
        sys.exit(1)
