// Which room may use which. This table is the law; README shows it, a test compares the two.
export const MAY_USE = {
  quantity: [],
  transport: ['quantity'],
  decode: ['quantity', 'transport'],
  ledger: ['quantity'],
  align: ['quantity'],
  calibrate: ['quantity', 'align'],
  settle: ['quantity', 'align', 'calibrate'],
  publish: ['quantity', 'ledger', 'calibrate', 'settle'],
  serve: ['quantity', 'ledger', 'align', 'calibrate', 'settle', 'publish'],
  agent: ['quantity'],
  rehearse: ['quantity', 'decode'],
};

const PURE = ['quantity', 'decode', 'align', 'calibrate', 'settle'];

/** The schemas of profiles: the only files of a pure room that may use a package, typebox. */
const SCHEMAS =
  '^src/decode/(profile|profile-pieces|json-profile|snmp-profile|push-profile|scpi-profile)\\.ts$';

const roomRules = Object.entries(MAY_USE).map(([room, allowed]) => ({
  name: `rooms-${room}`,
  comment: `${room} may use ${allowed.join(', ') || 'nothing'}.`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: `^src/(${[room, ...allowed].join('|')})/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...roomRules,
    {
      name: 'pure-rooms',
      comment: 'A pure room imports src/, assert, and (the schemas of profiles only) typebox.',
      severity: 'error',
      from: { path: `^src/(${PURE.join('|')})/`, pathNot: SCHEMAS },
      to: { pathNot: '^src/|^(node:)?assert(/strict)?$' },
    },
    {
      name: 'pure-profile',
      severity: 'error',
      from: { path: SCHEMAS },
      to: { pathNot: '^src/|^(node:)?assert(/strict)?$|node_modules/typebox/' },
    },
    {
      name: 'decode-takes-types-from-transport',
      comment: 'decode knows what a transport hands over, never how it is done.',
      severity: 'error',
      from: { path: '^src/decode/' },
      to: { path: '^src/transport/', dependencyTypesNot: ['type-only'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'every-import-resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.json', '.d.ts'],
    },
  },
};
