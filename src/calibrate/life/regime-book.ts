// The levels that a node has been seen at, so that a return to one of them is known for what it is. A few are kept: idle
// power states, one supply of two, a fan profile; a node with more has no regimes but a drift.

export interface Regime {
  readonly number: number;
  levelW: number;
  varianceW2: number;
  seenS: number;
}

const REGIMES_COUNT = 8;

export class RegimeBook {
  readonly #regimes: Regime[] = [];
  #nextNumber = 1;

  /** The oldest is forgotten where there are too many. */
  remember(levelW: number, varianceW2: number, seenS: number): Regime {
    if (this.#regimes.length === REGIMES_COUNT) {
      const oldest = this.#regimes.reduce((a, b) => (b.seenS < a.seenS ? b : a));
      this.#regimes.splice(this.#regimes.indexOf(oldest), 1);
    }
    const regime = { number: this.#nextNumber++, levelW, varianceW2, seenS };
    this.#regimes.push(regime);
    return regime;
  }

  /** The nearest regime whose level agrees with this one to within `sigmaCount` of both uncertainties. */
  recognise(levelW: number, varianceW2: number, sigmaCount: number): Regime | undefined {
    let nearest: Regime | undefined;
    for (const regime of this.#regimes) {
      const offW = Math.abs(regime.levelW - levelW);
      if (offW > sigmaCount * Math.sqrt(varianceW2 + regime.varianceW2)) continue;
      if (!nearest || offW < Math.abs(nearest.levelW - levelW)) nearest = regime;
    }
    return nearest;
  }

  /** The regimes of another book, moved. */
  takeOver(other: RegimeBook, byW: number): void {
    for (const { levelW, varianceW2, seenS } of other.#regimes) {
      this.remember(levelW + byW, varianceW2, seenS);
    }
  }

  /** All levels move together where the model that they are told against is replaced. */
  shift(byW: number): void {
    for (const regime of this.#regimes) regime.levelW += byW;
  }
}
