// The plan of a load staircase: which component is loaded how much, in what order, for how long. Up and down again, so that
// fans and warm-up show as what they are and not as a gain; idle between components, so that each has its own level.

export const COMPONENTS = ['cpu', 'memory'] as const;
/** `command` is a program of the user's, for what this program cannot load itself. */
export type Component = (typeof COMPONENTS)[number] | 'command';

export interface Step {
  /** Undefined: nothing is loaded. */
  readonly component: Component | undefined;
  readonly loadPercent: number;
  readonly holdS: number;
}

/** Idle, then each component in `stepsCount` steps up and down, and idle after each. */
export function staircasePlan(
  components: readonly Component[],
  stepsCount: number,
  holdS: number,
): readonly Step[] {
  const idle: Step = { component: undefined, loadPercent: 0, holdS };
  const up = Array.from({ length: stepsCount }, (_, index) =>
    Math.round((100 * (index + 1)) / stepsCount),
  );
  const percents = [...up, ...up.slice(0, -1).reverse()];
  return [
    idle,
    ...components.flatMap((component) => [
      ...percents.map((loadPercent) => ({ component, loadPercent, holdS })),
      idle,
    ]),
  ];
}

/** The application that a step is, as phases.csv names it: levels of one component are one application. */
export const applicationOf = (step: Step): string =>
  step.component === undefined ? 'idle' : `staircase ${step.component}`;

export const stepText = (step: Step): string =>
  step.component === undefined ? 'idle' : `${step.component} ${step.loadPercent} %`;

/** Hours and minutes for people: "1 h 5 min", "4 min 20 s", "20 s". */
export function spanText(spanS: number): string {
  const whole = Math.round(spanS);
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  if (whole >= 60) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${whole} s`;
}
