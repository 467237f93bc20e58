// Makes the site of a document that fits the schema: defaults are filled in, references followed, secrets fetched. What does
// not belong together is the operator's to mend and is told with its place.
import type { ConfigFingerprint } from '../../quantity/config-fingerprint.ts';
import { SiteFault } from '../../quantity/fault.ts';
import { isPointId, type PointId } from '../../quantity/quality.ts';
import type {
  Instrument,
  MeteredPoint,
  Node,
  Rack,
  SinkConfig,
  Site,
  Wire,
} from '../../quantity/site.ts';
import { instantNs, parseDuration } from '../../quantity/time.ts';
import { parseListen } from './listen-address.ts';
import { resolveSecret } from './secret.ts';
import type { Place } from './place-in-yaml.ts';
import { oneOwnerEach, partGiven } from './site-snmp.ts';
import type { NodeConfigDocument, SinkDocument, SiteDocument } from './site-schema.ts';
import { someTime, wireOf } from './wire-of-document.ts';

/** Throws SiteFault for the first thing that does not belong together. */
export function siteOf(content: SiteDocument, place: Place): Site {
  const interval = parseDuration(content.interval ?? '15min', place('/interval'));
  if (interval < 1_000_000_000n || 86_400_000_000_000n % interval !== 0n) {
    throw new SiteFault({
      where: place('/interval'),
      what: 'the interval does not divide a day',
      remedy: 'use 1min, 5min, 15min, 30min or 1h',
    });
  }
  const wires = new Map(
    Object.entries(content.wires).map(([id, wire]) => [id, wireOf(id, wire, content, place)]),
  );
  oneOwnerEach(wires, place);
  const instruments = new Map(
    Object.entries(content.instruments).map(([id, instrument]) => [
      id,
      instrumentOf(id, instrument, wires, place),
    ]),
  );
  const points = pointsOf(content, instruments, place);
  const nodes = nodesOf(content, instruments, points, place);
  checkFeeding(points, nodes, place);
  const clock = content.rehearsal?.clock;
  return {
    name: content.site,
    rehearsal:
      content.rehearsal && clock
        ? {
            seed: content.rehearsal.seed,
            clock: {
              civilNs: instantNs(BigInt(clock.civil_ns)),
              monotonicNs: BigInt(clock.monotonic_ns),
              speedRatio: clock.speed,
            },
          }
        : undefined,
    interval,
    settleAfter: content.settle_after
      ? parseDuration(content.settle_after, place('/settle_after'))
      : interval,
    wires,
    instruments,
    points,
    nodes,
    racks: racksOf(content, points, nodes, place),
    sinks: Object.entries(content.sinks ?? {}).map(([id, sink]) => sinkOf(id, sink, place)),
    listen: parseListen(content.listen ?? '127.0.0.1:8080', place('/listen')),
    tokens: tokensOf(content, nodes, place),
  };
}

/** Short secrets are guessed: 16 characters are 64 bits where they are hexadecimal. */
const SECRET_LENGTH_MIN = 16;

function tokensOf(content: SiteDocument, nodes: Site['nodes'], place: Place): Site['tokens'] {
  return Object.entries(content.tokens ?? {}).map(([name, token]) => {
    const where = place(`/tokens/${name}`);
    const secret = resolveSecret(token.token_env, token.token_file, where);
    if (secret === undefined || secret.length < SECRET_LENGTH_MIN) {
      throw new SiteFault({
        where,
        what: secret === undefined ? 'names no secret' : 'its secret is shorter than 16 characters',
        remedy: 'write token_env or token_file, and make one with: openssl rand -hex 32',
      });
    }
    const strange = token.nodes?.find((node) => !nodes.some(({ id }) => id === node));
    if (strange !== undefined) {
      throw new SiteFault({
        where,
        what: `this site has no node "${strange}"`,
        remedy: 'name nodes as under nodes:',
      });
    }
    return { name, secret, nodes: token.nodes ?? [] };
  });
}

function instrumentOf(
  id: string,
  instrument: SiteDocument['instruments'][string],
  wires: ReadonlyMap<string, Wire>,
  place: Place,
): Instrument {
  const at = `/instruments/${id}`;
  const wire = wires.get(instrument.wire);
  if (!wire)
    throw unknownReference(place(`${at}/wire`), 'wire', instrument.wire, [...wires.keys()]);
  const pushed = wire.transport === 'mqtt' || wire.transport === 'csv';
  if (pushed && instrument.topic === undefined) {
    throw new SiteFault({
      where: place(at),
      what: `an instrument on a ${wire.transport} wire needs a topic`,
      remedy:
        wire.transport === 'mqtt'
          ? 'add "topic:" with the topic it publishes to'
          : 'add "topic:" with the word in the source column',
    });
  }
  return {
    id,
    profile: instrument.profile,
    wire: instrument.wire,
    unit: instrument.unit ?? 1,
    topic: (wire.transport === 'http' ? instrument.path : instrument.topic) ?? '',
    ...partGiven(instrument, wire.transport, place(at)),
    poll: someTime(instrument.poll ?? '1s', place(`${at}/poll`)),
    serial: instrument.serial,
  };
}

function pointsOf(
  content: SiteDocument,
  instruments: ReadonlyMap<string, Instrument>,
  place: Place,
): MeteredPoint[] {
  const byMeter = new Map<string, string>();
  return Object.entries(content.points ?? {}).map(([point, { meter, kind }]) => {
    const at = place(`/points/${point.replace('/', '~1')}/meter`);
    if (!instruments.has(meter)) {
      throw unknownReference(at, 'instrument', meter, [...instruments.keys()]);
    }
    const taken = byMeter.get(meter);
    if (taken !== undefined) {
      throw new SiteFault({
        where: at,
        what: `meter ${meter} measures ${taken} already`,
        remedy: 'give each point its own meter; what one meter measures is one point',
      });
    }
    byMeter.set(meter, point);
    const plain = point.startsWith('outlet/') ? 'outlet' : 'feed';
    return { point: pointId(point, at), meter, kind: kind ?? plain };
  });
}

/** A busway or a shelf is there to feed nodes: one that feeds none was forgotten under `fed_by`. */
function checkFeeding(points: readonly MeteredPoint[], nodes: readonly Node[], place: Place): void {
  if (nodes.length === 0) return;
  for (const { point, kind } of points) {
    const feeds =
      kind === 'feed' || kind === 'outlet' || nodes.some((n) => n.fedBy.includes(point));
    if (feeds) continue;
    throw new SiteFault({
      where: place(`/points/${point.replace('/', '~1')}`),
      what: `the ${kind} ${point} feeds no node`,
      remedy: 'name it under fed_by of every node behind it, or leave out its kind',
    });
  }
}

function nodesOf(
  content: SiteDocument,
  instruments: ReadonlyMap<string, Instrument>,
  points: readonly MeteredPoint[],
  place: Place,
): Node[] {
  const known = points.map(({ point }) => point);
  return Object.entries(content.nodes ?? {}).map(([id, node]) => {
    const at = `/nodes/${id}`;
    if (!instruments.has(node.chips)) {
      throw unknownReference(place(`${at}/chips`), 'instrument', node.chips, [
        ...instruments.keys(),
      ]);
    }
    return {
      id,
      type: node.type ?? 'unspecified',
      fedBy: feedsOf(id, knownPoints(node.fed_by ?? [], known, place(`${at}/fed_by`)), place),
      nameplateW: node.nameplate_w,
      chips: node.chips,
      chipSources: node.chip_sources ?? [],
      ...(node.config ? { config: configOf(node.config) } : {}),
    };
  });
}

/** A meter that is named twice would count twice. */
function feedsOf(node: string, points: readonly PointId[], place: Place): readonly PointId[] {
  const twice = points.find((point, index) => points.indexOf(point) < index);
  if (twice === undefined) return points;
  throw new SiteFault({
    where: place(`/nodes/${node}/fed_by/${points.lastIndexOf(twice)}`),
    what: `node ${node} is fed twice by ${twice}`,
    remedy: 'name each point once; an A and a B feed are two points with a meter each',
  });
}
const configOf = (config: NodeConfigDocument): ConfigFingerprint => ({
  driver: config.driver,
  bios: config.bios,
  supplyCount: config.psu_count,
  powerLimitsW: new Map(Object.entries(config.power_limits_w ?? {})),
  chips: [...(config.chips ?? [])].sort(),
});

function racksOf(
  content: SiteDocument,
  points: readonly MeteredPoint[],
  nodes: readonly Node[],
  place: Place,
): Rack[] {
  const known = points.map(({ point }) => point);
  const nodeIds = nodes.map(({ id }) => id);
  return Object.entries(content.racks ?? {}).map(([id, rack]) => {
    const stranger = (rack.nodes ?? []).find((node) => !nodeIds.includes(node));
    if (stranger !== undefined) {
      throw unknownReference(place(`/racks/${id}/nodes`), 'node', stranger, nodeIds);
    }
    return {
      id,
      points: knownPoints(rack.points ?? [], known, place(`/racks/${id}/points`)),
      nodes: rack.nodes ?? [],
    };
  });
}

function sinkOf(id: string, sink: SinkDocument, place: Place): SinkConfig {
  const at = `/sinks/${id}`;
  const remote = sink.kind.startsWith('influxdb');
  if (remote && sink.url === undefined) {
    throw new SiteFault({
      where: place(at),
      what: `a sink of kind ${sink.kind} needs a url`,
      remedy: 'add "url: http://127.0.0.1:8086"',
    });
  }
  const password = resolveSecret(sink.password_env, sink.password_file, place(at));
  return {
    id,
    kind: sink.kind,
    url: sink.url ?? '',
    database: sink.database ?? 'trueup',
    organisation: sink.organisation ?? '',
    username: sink.username,
    secret: resolveSecret(sink.token_env, sink.token_file, place(at)) ?? password,
    path: sink.path ?? '',
  };
}

function knownPoints(
  texts: readonly string[],
  known: readonly PointId[],
  where: string,
): PointId[] {
  return texts.map((text) => {
    const found = known.find((point) => point === text);
    if (found === undefined) throw unknownReference(where, 'point', text, known);
    return found;
  });
}

function pointId(text: string, where: string): PointId {
  if (isPointId(text)) return text;
  throw new SiteFault({
    where,
    what: `"${text}" is no point`,
    remedy: 'write feed/NAME or outlet/NAME',
  });
}

const unknownReference = (
  where: string,
  kind: string,
  name: string,
  known: readonly string[],
): SiteFault =>
  new SiteFault({
    where,
    what: `there is no ${kind} "${name}" in this file`,
    remedy:
      known.length > 0
        ? `name one of: ${known.slice(0, 12).join(', ')}`
        : `add it under "${kind}s:"`,
  });
