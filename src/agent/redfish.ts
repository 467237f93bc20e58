// Power of a machine as its BMC says it by Redfish: telemetry beside the chips, never added to them. BMCs answer in seconds, so
// one is asked at its own pace, and no turn of the agent waits for it but the first.
import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { ChipGauge, ChipReader, Obstacle, Say } from './chip-reader.ts';

export interface RedfishTarget {
  readonly url: URL;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The certificate of the BMC, or of who signed it. */
  readonly ca: string | undefined;
  readonly monotonicNs: () => bigint;
  readonly say: Say;
}

/** BMCs look at their sensors about once in so long, and are slow to tell. */
const PACE_NS = 5_000_000_000n;
/** After a failure, so that a BMC does not lock its user out over a wrong password. */
const RETRY_NS = 60_000_000_000n;
const DEADLINE_MS = 10_000;
const TEXT_BYTES_MAX = 1024 * 1024;
const CHASSIS_COUNT_MAX = 32;
/** No chassis that is one node draws more. */
const POWER_W_MAX = 200_000;

interface Place {
  readonly source: string;
  readonly path: string;
}

export function openRedfish(target: RedfishTarget): ChipReader {
  const { monotonicNs, say } = target;
  const bmc = new Bmc(target);
  const obstacles: Obstacle[] = [];
  let places: readonly Place[] = [];
  let fresh: readonly ChipGauge[] = [];
  let dueNs = monotonicNs();
  let asking: Promise<void> | undefined;
  let isFirst = true;

  const ask = async (): Promise<void> => {
    try {
      if (places.length === 0) places = await bmc.places();
      const gauges: ChipGauge[] = [];
      for (const { source, path } of places) {
        const powerW = powerIn(await bmc.get(path));
        if (powerW !== undefined) gauges.push({ source, powerW });
      }
      if (gauges.length === 0) throw new Error('none of its chassis tells a power');
      fresh = gauges;
      dueNs = monotonicNs() + PACE_NS;
    } catch (cause) {
      places = [];
      dueNs = monotonicNs() + RETRY_NS;
      const what = `${target.url.origin}: ${cause instanceof Error ? cause.message : String(cause)}`;
      const remedy =
        'check the address, TRUEUP_REDFISH_USERNAME and TRUEUP_REDFISH_PASSWORD, and for https --redfish-ca; it is tried again each minute';
      obstacles.splice(0, obstacles.length, { what, remedy });
      say(`${what}: ${remedy}`);
    }
  };

  return {
    get sources() {
      return places.map(({ source }) => source);
    },
    get obstacles() {
      return obstacles;
    },
    read: ({ gauges }) => {
      // Each reading goes out once: an old value is no new reading.
      const hand = (): void => {
        gauges.push(...fresh);
        fresh = [];
      };
      if (!asking && monotonicNs() >= dueNs) {
        asking = ask().finally(() => {
          asking = undefined;
        });
      }
      const wait = isFirst ? asking : undefined;
      isFirst = false;
      if (wait) return wait.then(hand);
      hand();
      return undefined;
    },
    close: () => {
      bmc.close();
    },
  };
}

class Bmc {
  private readonly url: URL;
  private readonly options: RequestOptions;
  private readonly agent: HttpAgent;
  private readonly isTls: boolean;

  constructor({ url, username, password, ca }: RedfishTarget) {
    this.url = url;
    this.isTls = url.protocol === 'https:';
    this.agent = this.isTls
      ? new HttpsAgent({ keepAlive: true, maxSockets: 1, ...(ca === undefined ? {} : { ca }) })
      : new HttpAgent({ keepAlive: true, maxSockets: 1 });
    const basic = Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64');
    this.options = {
      agent: this.agent,
      timeout: DEADLINE_MS,
      headers: {
        accept: 'application/json',
        ...(username === undefined ? {} : { authorization: `Basic ${basic}` }),
      },
    };
  }

  /** Where each chassis tells its power: the older Power resource, or the newer EnvironmentMetrics. */
  async places(): Promise<readonly Place[]> {
    const list = at(await this.get('/redfish/v1/Chassis'), 'Members');
    const members = Array.isArray(list) ? list.slice(0, CHASSIS_COUNT_MAX) : [];
    const places: Place[] = [];
    for (const member of members) {
      const path = linkOf(member);
      if (path === undefined) continue;
      const chassis = await this.get(path);
      const power = linkOf(at(chassis, 'Power')) ?? linkOf(at(chassis, 'EnvironmentMetrics'));
      const id = at(chassis, 'Id');
      if (power === undefined || typeof id !== 'string') continue;
      const name = id.replaceAll(/[^A-Za-z0-9.-]/g, '-').slice(0, 64);
      places.push({ source: `hwmon:platform-redfish-${name}`, path: power });
    }
    if (places.length === 0) throw new Error('it has no chassis with a power');
    return places;
  }

  get(path: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ask = this.isTls ? httpsRequest : httpRequest;
      // Links are paths on the same machine: a BMC sends nobody elsewhere with the password.
      const request = ask(new URL(path, this.url.origin), this.options, (response) => {
        const parts: Buffer[] = [];
        let sizeBytes = 0;
        response.on('data', (part: Buffer) => {
          sizeBytes += part.length;
          if (sizeBytes > TEXT_BYTES_MAX) request.destroy(new Error('it answers more than 1 MiB'));
          else parts.push(part);
        });
        response.on('error', reject);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          if (status !== 200) {
            reject(new Error(`${path} answers HTTP ${status}`));
            return;
          }
          try {
            resolve(JSON.parse(Buffer.concat(parts).toString('utf8')));
          } catch {
            reject(new Error(`${path} is no JSON`));
          }
        });
      });
      request.on('timeout', () => request.destroy(new Error('no answer in 10 s')));
      request.on('error', reject);
      request.end();
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

function at(json: unknown, name: string): unknown {
  return typeof json === 'object' && json !== null && Object.hasOwn(json, name)
    ? Object.entries(json).find(([key]) => key === name)?.[1]
    : undefined;
}

/** A link within the machine: `@odata.id` that begins with one slash. */
function linkOf(json: unknown): string | undefined {
  const link = at(json, '@odata.id');
  return typeof link === 'string' && /^\/(?!\/)[\x21-\x7e]{1,512}$/.test(link) ? link : undefined;
}

/** PowerControl[0].PowerConsumedWatts of Power, or PowerWatts.Reading of EnvironmentMetrics; null and nonsense are no power. */
function powerIn(json: unknown): number | undefined {
  const controls = at(json, 'PowerControl');
  const first: unknown = Array.isArray(controls) ? controls[0] : undefined;
  const powerW = at(first, 'PowerConsumedWatts') ?? at(at(json, 'PowerWatts'), 'Reading');
  return typeof powerW === 'number' && powerW > 0 && powerW < POWER_W_MAX ? powerW : undefined;
}
