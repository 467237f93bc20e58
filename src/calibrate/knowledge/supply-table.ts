// Least efficiency of power supplies by class, in per cent by per cent of the rated load.
// Made from calibration/supplies.yaml by tools/make-knowledge.ts, where each figure has its source: change it there.

export const SUPPLY_CLASSES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'bronze-230v-redundant': { '20': 81, '50': 85, '100': 81 },
  'silver-230v-redundant': { '20': 85, '50': 89, '100': 85 },
  'gold-230v-redundant': { '20': 88, '50': 92, '100': 88 },
  'platinum-230v-redundant': { '20': 90, '50': 94, '100': 91 },
  'titanium-230v-redundant': { '10': 90, '20': 94, '50': 96, '100': 91 },
  'bronze-115v': { '20': 82, '50': 85, '100': 82 },
  'gold-115v': { '20': 87, '50': 90, '100': 87 },
  'platinum-115v': { '20': 90, '50': 92, '100': 89 },
};

export const BEST_EFFICIENCY_PERCENT = 96 as const;
