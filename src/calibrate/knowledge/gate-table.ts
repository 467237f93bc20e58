// Limits of the gates between a fit and an accepted model, and what to do about each.
// Made from calibration/gates.yaml by tools/make-knowledge.ts, where each figure has its source: change it there.

export const GATE_LIMITS = {
  evidence: {
    limit: 1800,
    unit: 's',
    says: 'time that both instruments cover',
    remedy: 'record both instruments longer, over more than one load',
  },
  nmbe: {
    limit: 1,
    unit: 'percent',
    says: 'energy error on what was held back (normalised mean bias error), either way',
    remedy:
      'meter more days or more of the load that failed, then fit again; look for a missing feed or a source that is not read',
  },
  cv: {
    limit: 2,
    unit: 'percent',
    says: 'RMS error of the longest blocks of which the evidence holds at least thirty (60 s, 15 min, 1 h), over the mean power',
    remedy:
      'align the clocks, add the chip sources that are not read yet, give fan speed and inlet temperature',
  },
  cvBlocks: {
    limit: 30,
    unit: 'count',
    says: 'blocks of one length that must exist before their scatter is judged',
    remedy: 'record longer',
  },
  applications: {
    limit: 3,
    unit: 'count',
    says: 'applications that must exist before the error on an unseen one can be computed',
    remedy:
      'run at least three kinds of load (CPU bound, memory bound, GPU bound) and label them in phases.csv, or as jobs while the service runs',
  },
} as const;

export const ASHRAE_PERCENT = {
  monthlyNmbe: 5,
  monthlyCv: 15,
  hourlyNmbe: 10,
  hourlyCv: 30,
} as const;
