// Chips of a node whose exporter is already there: one scrape per turn, read as counters. A scrape that fails or is too
// long is a hole, and is said.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { ChipReader, Say } from '../chip-reader.ts';
import { readScrape } from './exporters.ts';

/** A node_exporter with everything on stays below 2 MiB. */
const TEXT_BYTES_MAX = 16 * 1024 * 1024;
const DEADLINE_MS = 5000;

export function openScrape(url: URL, say: Say): ChipReader {
  let sources: readonly string[] = [];
  return {
    get sources() {
      return sources;
    },
    obstacles: [],
    read: async (into) => {
      const text = await fetched(url).catch((cause: unknown) => {
        say(`${url.href}: ${cause instanceof Error ? cause.message : String(cause)}`);
        return undefined;
      });
      if (text === undefined) return;
      const { readings, exporters } = readScrape(text);
      if (exporters.length === 0) say(`${url.href}: it has no energy of chips that is known here`);
      const known = new Set([...into.counters, ...into.gauges].map(({ source }) => source));
      into.counters.push(...readings.counters.filter(({ source }) => !known.has(source)));
      into.gauges.push(...readings.gauges.filter(({ source }) => !known.has(source)));
      into.epochs.push(...readings.epochs);
      sources = [...readings.counters, ...readings.gauges].map(({ source }) => source);
    },
    close: () => undefined,
  };
}

function fetched(url: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    const ask = url.protocol === 'https:' ? httpsRequest : httpRequest;
    // Some exporters name no content type; the text is what it is.
    const request = ask(
      url,
      { timeout: DEADLINE_MS, headers: { accept: 'text/plain' } },
      (response) => {
        const parts: Buffer[] = [];
        let sizeBytes = 0;
        response.on('data', (part: Buffer) => {
          sizeBytes += part.length;
          if (sizeBytes > TEXT_BYTES_MAX) request.destroy(new Error('it answers more than 16 MiB'));
          else parts.push(part);
        });
        response.on('error', reject);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          if (status === 200) resolve(Buffer.concat(parts).toString('utf8'));
          else reject(new Error(`it answers HTTP ${status}`));
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer in 5 s')));
    request.on('error', reject);
    request.end();
  });
}
