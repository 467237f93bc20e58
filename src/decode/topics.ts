// Which MQTT topics an instrument's messages come on. The site file names the device's topic (its prefix); profiles add
// suffixes. Who writes one of the full topics instead gets that one alone.
import type { HttpJsonProfile, JsonRead } from './json-profile.ts';
import { isMqttJson, type Profile } from './profile.ts';

/** Full topics to subscribe to, each once, in the order of the profile. */
export function topicsOf(profile: Profile, topic: string): readonly string[] {
  if (!isMqttJson(profile)) return [topic];
  if (isFull(profile.reads, topic)) return [topic];
  return [...new Set(profile.reads.map((read) => fullTopic(topic, read.suffix)))];
}

/** The suffix of the profile that a message came on, or undefined where it is none of this instrument's topics. */
export function suffixOf(
  reads: readonly JsonRead[],
  topic: string,
  received: string,
): string | undefined {
  const named = reads.find((read) => fullTopic(topic, read.suffix) === received);
  if (named) return named.suffix;
  if (received !== topic) return undefined;
  return reads.find((read) => endsWith(topic, read.suffix))?.suffix;
}

/** Paths to ask a web server for, each once, in the order of the profile; `topic` is the one that they are below. */
export const pathsOf = ({ reads }: HttpJsonProfile, topic: string): readonly string[] => [
  ...new Set(reads.map(({ suffix }) => fullTopic(topic, suffix))),
];

export const fullTopic = (topic: string, suffix: string): string =>
  suffix === '' ? topic : `${topic}/${suffix}`;

const endsWith = (topic: string, suffix: string): boolean =>
  suffix !== '' && topic.endsWith(`/${suffix}`);

const isFull = (reads: readonly JsonRead[], topic: string): boolean =>
  reads.some((read) => endsWith(topic, read.suffix));
