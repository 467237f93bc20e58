// The lint that carries the architecture: one door each for clocks, chance and the environment.
import tseslint from 'typescript-eslint';

const doors = {
  clock: 'The clock is a dependency: take a Clock or Timers (quantity/clock.ts) as an argument.',
  chance: 'Chance is a dependency: take a seeded generator as an argument.',
  environment: 'Only cli/environment.ts reads the environment.',
};

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', '.cache/'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: {
          allowDefaultProject: [
            'eslint.config.js',
            '.dependency-cruiser.js',
            'tools/*.mjs',
            'tools/*.cjs',
          ],
        },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: false },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: doors.clock },
        { object: 'performance', property: 'now', message: doors.clock },
        { object: 'process', property: 'hrtime', message: doors.clock },
        { object: 'Math', property: 'random', message: doors.chance },
        { object: 'process', property: 'env', message: doors.environment },
      ],
      'no-restricted-globals': [
        'error',
        { name: 'setTimeout', message: doors.clock },
        { name: 'setInterval', message: doors.clock },
        { name: 'setImmediate', message: doors.clock },
      ],
    },
  },
  {
    files: ['src/cli/system-clock.ts'],
    rules: { 'no-restricted-properties': 'off', 'no-restricted-globals': 'off' },
  },
  { files: ['src/cli/environment.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: ['**/*.js', '**/*.cjs', '**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
);
