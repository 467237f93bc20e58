// The closed words that say how far a number may be believed, and where it stands in the field's hierarchy.

export const QUALITIES = [
  'actual',
  'verified',
  'scaled',
  'interpolated',
  'like-day',
  'derived',
  'partial',
  'provisional',
  'missing',
  'refused',
] as const;
export type Quality = (typeof QUALITIES)[number];

export const KINDS = ['metered', 'chip', 'corrected', 'allocated'] as const;
export type Kind = (typeof KINDS)[number];

/** 1 wall meter, 2 facility telemetry, 3 chip sensor, 4 software estimate. A correction never improves the tier. */
export type Tier = 1 | 2 | 3 | 4;

export const ROLES = ['reference', 'telemetry', 'counter', 'claim'] as const;
export type Role = (typeof ROLES)[number];

export const TIER_OF_ROLE: Readonly<Record<Role, Tier>> = {
  reference: 1,
  telemetry: 2,
  counter: 3,
  claim: 4,
};

/** `feed/a7`, `outlet/pdu1-8`, `node/gpu-01`, `account/tenant-3`. */
export type PointId = `${'feed' | 'outlet' | 'node' | 'account'}/${string}`;

export const isPointId = (text: string): text is PointId =>
  /^(feed|outlet|node|account)\/[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text);
