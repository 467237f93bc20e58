// Does a board's energy counter agree with its own power? On some boards it does not (187 J against 327 J over 5 s has been
// seen): both are compared over a minute, and a difference that sampling cannot explain is said once.

const WINDOW_NS = 60_000_000_000n;
/** Power is looked at for a quarter of the time at worst, so a minute of it may be off by so much. */
const DIFFERENCE_RATIO = 0.2;
const LEAST_J = 100;
/** Between two reads farther apart than this the power says nothing of the time between. */
const HOLE_NS = 5_000_000_000n;

export class EnergyCheck {
  private startNs = 0n;
  private lastNs = 0n;
  private startMj = 0n;
  private lastMw = 0;
  private integratedJ = 0;
  private isSaid = false;

  /** Takes one read of both; the doubt in words where a minute of them disagrees. */
  add(atNs: bigint, energyMj: bigint, powerMw: number): string | undefined {
    const sinceNs = atNs - this.lastNs;
    if (this.lastNs === 0n || sinceNs > HOLE_NS || energyMj < this.startMj) {
      this.begin(atNs, energyMj, powerMw);
      return undefined;
    }
    this.integratedJ += ((this.lastMw + powerMw) / 2000) * (Number(sinceNs) / 1e9);
    this.lastNs = atNs;
    this.lastMw = powerMw;
    if (atNs - this.startNs < WINDOW_NS) return undefined;
    const countedJ = Number(energyMj - this.startMj) / 1000;
    const { integratedJ } = this;
    this.begin(atNs, energyMj, powerMw);
    const isOff =
      Math.max(countedJ, integratedJ) > LEAST_J &&
      Math.abs(countedJ - integratedJ) > DIFFERENCE_RATIO * Math.max(countedJ, integratedJ);
    if (!isOff || this.isSaid) return undefined;
    this.isSaid = true;
    return `its counter says ${countedJ.toFixed(0)} J over a minute, its power ${integratedJ.toFixed(0)} J: one of them is wrong, and calibration will show which`;
  }

  private begin(atNs: bigint, energyMj: bigint, powerMw: number): void {
    this.startNs = atNs;
    this.lastNs = atNs;
    this.startMj = energyMj;
    this.lastMw = powerMw;
    this.integratedJ = 0;
  }
}
