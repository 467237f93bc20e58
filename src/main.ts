// One reading's journey, from the wire to the sink. This is the whole service: a site goes in; wires, ledger, curves,
// settlement, models, sinks and faces are joined here and nowhere else. docs/life-of-a-reading.md tells it slowly.
import type { EnergyCurve } from './align/energy-curve.ts';
import type { LoadedProfile } from './cli/site/load-profiles.ts';
import { calibrationsOf, modelText } from './cli/running-site/calibrations.ts';
import { chipCurves, forget } from './cli/running-site/curves.ts';
import { type EdgeRemainder, RemainderBook } from './cli/running-site/edge-remainders.ts';
import { feedWatchOf } from './cli/running-site/live-feed-watch.ts';
import { openActivity, windowSourcesOf } from './cli/running-site/activity-doors.ts';
import { configSaid } from './cli/running-site/config-said.ts';
import { jobPhases } from './cli/running-site/job-phases.ts';
import { liveRowSender, runRowSender } from './cli/running-site/live-row-sender.ts';
import {
  clockEntry,
  type ClockState,
  configurationEntry,
  eventEntry,
  modelEntry,
  profileEntries,
} from './cli/running-site/log-entries.ts';
import { MetersMeant } from './cli/running-site/meters-meant.ts';
import { nodeMessageDoor } from './cli/running-site/node-message-door.ts';
import { recover } from './cli/running-site/recover.ts';
import { seatsOf } from './cli/running-site/seats.ts';
import { settlementOf } from './cli/running-site/settlement-of.ts';
import { settledRow, sinkView, wireView } from './cli/running-site/views.ts';
import { decodeExchange } from './decode/decode-exchange.ts';
import { messageIdentity } from './decode/message-identity.ts';
import { wireTasks } from './decode/wire-tasks.ts';
import { type LogEntry, openLedger } from './ledger/index.ts';
import { type Outbox, startOutbox } from './publish/outbox.ts';
import { openSink } from './publish/sinks.ts';
import type { Clock, Timers } from './quantity/clock.ts';
import type { CorrectionModel } from './quantity/correction.ts';
import type { Exchange } from './quantity/exchange.ts';
import type { Site } from './quantity/site.ts';
import { alignedInterval, type DurationNs } from './quantity/time.ts';
import { newUuid } from './serve/activity/job-routes.ts';
import { recentRuns } from './serve/activity/run-metrics.ts';
import { LiveView } from './serve/live-rack.ts';
import type { RackSnapshot, SettledRow } from './serve/rack-view.ts';
import { startServer } from './serve/server.ts';
import { SeenMessages } from './transport/seen-messages.ts';
import type { OpenWire } from './transport/transport.ts';
import { openWire } from './transport/transports.ts';

export interface World {
  readonly clock: Clock;
  /** How well the host's clock is known: stamps are no better than that. */
  readonly clockState: () => ClockState;
  readonly timers: Timers;
  readonly dataDir: string;
  readonly profiles: ReadonlyMap<string, LoadedProfile>;
  /** `version+checksum` of the metrological core. */
  readonly core: string;
  readonly seed: number;
  readonly report: {
    /** Statements that are in the ledger now; never before. */
    settled(rows: readonly SettledRow[]): void;
    fitted(model: CorrectionModel, text: string): void;
    refreshed(snapshot: RackSnapshot): void;
    note(line: string): void;
  };
  /** The ledger or the disk failed: the service has stopped taking readings and must end. */
  readonly fail: (cause: unknown) => void;
}

export interface RunningSite {
  readonly url: string;
  readonly origin: string;
  /** The host's civil clock was set: kept in the journal, since it bears on what stamps mean. */
  clockStepped(by: DurationNs): void;
  /** Settles what is due, empties the outboxes as far as sinks allow, and ends. */
  stop(): Promise<readonly EdgeRemainder[]>;
}

/** How often settlement looks for due intervals, and how often the live picture is drawn, ms of real time. */
const SETTLE_EVERY_MS = 250;
const REFRESH_EVERY_MS = 1000;
/** How often jobs are looked at for progress, and runs of trackers are sent. */
const WATCH_EVERY_MS = 30_000;
/** How long a stop waits for sinks that are slow; what they have not taken waits in the ledger. */
const DRAIN_MS = 5000;

/** Runs a site until it is stopped. Throws SiteFault before anything has started. */
export async function runSite(site: Site, world: World): Promise<RunningSite> {
  const { clock, timers, report } = world;
  const rehearsal = site.rehearsal !== undefined;
  const seats = seatsOf(site, world.profiles);
  const meant = new MetersMeant((instrument, says) => {
    report.note(`${instrument}: ${says}: its point is refused, its readings are kept`);
  });
  const wanted = [...site.wires].map(([id, wire]) => {
    const tasks = meant.asking(wireTasks(id, wire, [...seats.values()]), seats);
    return { id, wire, tasks } as const;
  });
  const sinks = site.sinks.map((config) => ({
    config,
    sink: openSink(config, { name: site.name, rehearsal }, world),
  }));

  // The ledger first: nothing may be heard that cannot be kept.
  const startedNs = clock.nowNs();
  const ledger = await openLedger(world.dataDir, {
    rehearsal,
    nowNs: () => clock.nowNs(),
    profileOf: (source) => seats.get(source)?.profileHash ?? '',
  });
  const chips = (node: string): ReadonlyMap<string, EnergyCurve> => chipCurves(site, seats, node);
  const calibrations = calibrationsOf(site, seats, chips, world.seed);
  const settlement = settlementOf({
    site,
    seats,
    chips,
    calibrations,
    statements: ledger.statements,
    core: world.core,
    strangers: meant.strangers,
    startedNs,
    clock: world.clockState,
  });

  // Bytes become observations and observations become curves: from the journal at start, from the wires from then on.
  const seen = new SeenMessages();
  const believe = (exchange: Exchange): void => {
    const seat = seats.get(exchange.source);
    if (seat === undefined) return;
    const observations = decodeExchange(seat.profile, exchange, seat.instrument);
    seat.trace.observe(meant.ofThisMeter(observations));
  };
  const observe = (exchange: Exchange): void => {
    const seat = seats.get(exchange.source);
    seat?.heard(exchange.fault);
    for (const believed of meant.take(exchange)) believe(believed);
    const said = configSaid(exchange);
    if (said) calibrations.of.get(said.node)?.configured(said.config, exchange.lastByteNs);
  };
  const isNew = (exchange: Exchange): boolean => {
    const seat = seats.get(exchange.source);
    const identity = seat && messageIdentity(seat.profile, exchange);
    return identity === undefined || seen.take(exchange.source, identity);
  };
  const takeUp = (exchange: Exchange): void => {
    if (isNew(exchange)) observe(exchange);
  };
  // Kept first, believed second: nobody is told of a reading that a crash could take away.
  let newest: Promise<unknown> = Promise.resolve();
  const receive = async (exchange: Exchange): Promise<void> => {
    if (exchange.flags.redelivered && ledger.journal.holds(exchange)) return;
    // The journal commits in order: with the newest record the first of two equal messages is safe as well.
    const again = !isNew(exchange);
    try {
      if (!again) newest = ledger.journal.append(exchange);
      await newest;
    } catch (cause) {
      world.fail(cause);
      throw cause;
    }
    if (!again) observe(exchange);
  };
  report.note(await recover(ledger, site, takeUp, calibrations));
  for (const exchange of meant.goLive()) believe(exchange);
  const detail = { core: world.core, site: site.name };
  await ledger.journal.note({ kind: 'start', atNs: startedNs, detail });
  await ledger.log.append([
    ...profileEntries(seats, startedNs),
    configurationEntry(site, seats, world.core, startedNs),
  ]);

  // The faces: what people and programs look at while it runs.
  const wires = new Map<string, OpenWire>();
  const outboxes = new Map<string, Outbox>();
  const live = new LiveView({
    site,
    startedNs,
    nowNs: () => clock.nowNs(),
    trace: (instrument) => seats.get(instrument)?.trace,
    chips,
    calibration: (node) => calibrations.of.get(node),
    wires: () => [...wires].map(([id, wire]) => wireView(id, site, wire.health())),
    sinks: () => sinks.map(({ config }) => sinkView(config, outboxes.get(config.id)?.view())),
    ledger: () => ({
      leavesCount: ledger.log.size,
      journalBytes: ledger.journal.end,
      origin: ledger.origin,
    }),
  });
  const statements = ledger.statements;
  const book = await openActivity(world.dataDir);
  const sources = windowSourcesOf({ site, seats, chips, calibrations, statements, clock });
  const server = await startServer({
    ...site.listen,
    live,
    clock,
    timers,
    statements,
    ingest: nodeMessageDoor(site, clock, receive),
    tokens: site.tokens,
    activity: {
      sources,
      activity: book.activity,
      newId: newUuid,
      leafOf: (record) => book.log.leafOf(record),
    },
  }).catch(async (fault: unknown) => {
    await ledger.close();
    throw fault;
  });
  for (const { config, sink } of sinks) {
    outboxes.set(config.id, startOutbox(sink, ledger, { timers, onFailure: world.fail }));
  }

  // What is due is settled, sealed and signed; only then is it shown and sent.
  const remainders = new RemainderBook(site.points, seats);
  let closesNs = alignedInterval(startedNs, site.interval).untilNs;
  const settle = async (): Promise<void> => {
    const nowNs = clock.nowNs();
    await ledger.appendHandedIn();
    const { models, events } = calibrations.refit(nowNs, clock.monotonicNs(), (node, sinceNs) =>
      jobPhases(book.activity, node, sinceNs, nowNs),
    );
    const statements = settlement.due(nowNs);
    const entries: LogEntry[] = [
      ...models.map((model) =>
        modelEntry(model, {
          from: ledger.positionBefore(model.evidence.fromNs),
          until: ledger.journal.end,
        }),
      ),
      ...events.map(eventEntry),
      ...statements.map((statement) => ({ type: 'statement', statement }) as const),
    ];
    const closing = nowNs >= closesNs;
    if (closing) entries.push(clockEntry(world.clockState(), nowNs), ...book.log.entries(nowNs));
    if (!closing && entries.length === 0) return;
    const stored = closing ? await ledger.seal(entries) : await ledger.log.append(entries);
    await book.log.stored(stored);
    if (closing) closesNs = alignedInterval(nowNs, site.interval).untilNs;
    const rows = stored.map(settledRow).filter((row) => row !== undefined);
    live.show(rows);
    report.settled(rows);
    for (const model of models) report.fitted(model, modelText(model));
    for (const { node, event, says } of events) report.note(`${node}: ${event}: ${says}`);
    for (const outbox of outboxes.values()) outbox.notify();
    remainders.note((point) => settlement.firstStart(point), site.interval);
    await book.keepChips(sources);
    forget(site, seats, (point) => settlement.horizonOf(point, nowNs));
  };
  let settling = Promise.resolve();
  const settleInTurn = (): Promise<void> => {
    settling = settling.then(settle).catch(world.fail);
    return settling;
  };
  const settleTimer = timers.every(SETTLE_EVERY_MS, () => void settleInTurn());
  const liveSender = liveRowSender(
    sinks.map(({ sink }) => sink),
    seats,
  );
  const feedWatch = feedWatchOf(site);
  const refreshTimer = timers.every(REFRESH_EVERY_MS, () => {
    live.refresh();
    for (const line of feedWatch(live.snapshot())) report.note(line);
    report.refreshed(live.snapshot());
    liveSender(live.snapshot());
  });
  const runSender = runRowSender(sinks.map(({ sink }) => sink));
  const watchTimer = timers.every(WATCH_EVERY_MS, () => {
    for (const line of book.watch(sources)) report.note(line);
    runSender(recentRuns({ sources, activity: book.activity }));
  });

  const stop = async (): Promise<readonly EdgeRemainder[]> => {
    settleTimer.cancel();
    refreshTimer.cancel();
    watchTimer.cancel();
    await Promise.all([...wires.values()].map((wire) => wire.close()));
    await settleInTurn();
    await ledger.journal.note({ kind: 'stop', atNs: clock.nowNs(), detail: {} });
    await server.close();
    await book.log.stored(await ledger.seal(book.log.entries(clock.nowNs())));
    await book.close();
    const drained = [...outboxes.values()].map((outbox) => outbox.drained());
    await new Promise<void>((resolve) => {
      const patience = timers.after(DRAIN_MS, resolve);
      void Promise.allSettled(drained).then(() => {
        patience.cancel();
        resolve();
      });
    });
    await Promise.all([...outboxes.values()].map((outbox) => outbox.close()));
    await ledger.close();
    return remainders.remainders((point) => settlement.nextStartOf(point), site.interval);
  };

  // The wires last: everything that a reading needs is there when the first one comes. One that cannot be ends it all.
  const ports = { clock, timers, deliver: receive };
  try {
    for (const { id, wire, tasks } of wanted) wires.set(id, await openWire(id, wire, tasks, ports));
  } catch (fault) {
    await stop();
    throw fault;
  }

  return {
    url: server.url,
    origin: ledger.origin,
    clockStepped: (by) => {
      const detail = { stepped_by_ns: by.toString() };
      ledger.journal.note({ kind: 'clock', atNs: clock.nowNs(), detail }).catch(world.fail);
    },
    stop,
  };
}
