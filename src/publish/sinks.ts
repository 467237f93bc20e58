// Every kind of sink that a site file may name. To add one: a file in this room, one line here, the contract suite.
import type { SinkConfig } from '../quantity/site.ts';
import { openCsvFile } from './csv-file.ts';
import { openInfluxdb1 } from './influxdb1.ts';
import { openInfluxdb2, openInfluxdb3 } from './influxdb2.ts';
import { openLineProtocolFile } from './line-protocol-file.ts';
import type { SinkOpener, SinkPorts, SinkSite } from './sink-opening.ts';
import type { Sink } from './sink.ts';

export const SINKS = {
  influxdb1: openInfluxdb1,
  influxdb2: openInfluxdb2,
  influxdb3: openInfluxdb3,
  'line-protocol-file': openLineProtocolFile,
  'csv-file': openCsvFile,
} as const satisfies Record<SinkConfig['kind'], SinkOpener>;

/**
 * Makes the sink that the configuration describes; throws a SiteFault where it cannot work. A rehearsal is labelled at
 * every sink: its `site` tag begins with `rehearsal.`, and so does the name of its file.
 */
export const openSink = (config: SinkConfig, site: SinkSite, ports: SinkPorts): Sink =>
  SINKS[config.kind](config, site, ports);
