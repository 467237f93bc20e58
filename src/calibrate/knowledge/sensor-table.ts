// What physics and published comparisons say of chip sensors before any evidence.
// Made from calibration/sensors.yaml by tools/make-knowledge.ts, where each figure has its source: change it there.

export const GAIN_PRIORS = {
  'gpu-board': { lowerRatio: 0.9, meanRatio: 1.17, sdRatio: 0.12 },
  'cpu-measured': { lowerRatio: 1.04, meanRatio: 1.17, sdRatio: 0.12 },
  'cpu-modelled': { lowerRatio: 0, meanRatio: 1.2, sdRatio: 0.6 },
  'supply-output': { lowerRatio: 1, meanRatio: 1.03, sdRatio: 0.03 },
  unknown: { lowerRatio: 0.9, meanRatio: 1.17, sdRatio: 0.2 },
} as const;

export const RAPL_RANGES_J: readonly number[] = [65532.610987, 262143.32885];
