// What an accuracy class allows, as a relative standard uncertainty of energy. Limits of error are taken as rectangular
// (GUM 4.3.7), so u = limit / sqrt(3). Limits are those at reference conditions and at least 5 % of the rated current.

/** Limit of error by standard and class: EN 50470-3 table 4, IEC 62053-21/-22, IEC 61557-12 table 8, ANSI C12.20. */
const LIMIT_RATIO: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'EN 50470-3': { A: 0.02, B: 0.01, C: 0.005 },
  'IEC 62053-21': { '1': 0.01, '2': 0.02 },
  'IEC 62053-22': { '0.1S': 0.001, '0.2S': 0.002, '0.5S': 0.005 },
  'IEC 61557-12': { '0.1': 0.001, '0.2': 0.002, '0.5': 0.005, '1': 0.01, '2': 0.02 },
  'ANSI C12.20': { '0.1': 0.001, '0.2': 0.002, '0.5': 0.005 },
};

/** Where nobody states a class the error is taken to be within 3 %, the widest that PDU makers state. */
const UNSTATED_LIMIT_RATIO = 0.03;

/**
 * Relative standard uncertainty that an accuracy statement allows.
 * @param scheme a standard, `manufacturer` (then the class is a percentage such as `1 %`) or `unknown`.
 */
export function accuracyRatio(scheme: string, accuracyClass: string): number {
  const stated = LIMIT_RATIO[scheme]?.[accuracyClass.trim()];
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(accuracyClass.trim());
  const manufacturer = scheme === 'manufacturer' && percent ? Number(percent[1]) / 100 : undefined;
  return (stated ?? manufacturer ?? UNSTATED_LIMIT_RATIO) / Math.sqrt(3);
}
