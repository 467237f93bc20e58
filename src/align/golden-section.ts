// Golden-section search: the minimum of a function of one argument that has a single valley between two bounds.

/** The argument of the least cost between the bounds, to the tolerance. Kiefer 1953. */
export function goldenMinimum(
  cost: (argument: number) => number,
  low: number,
  high: number,
  tolerance: number,
): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let left = low;
  let right = high;
  let inner = right - ratio * (right - left);
  let outer = left + ratio * (right - left);
  let innerCost = cost(inner);
  let outerCost = cost(outer);
  while (right - left > tolerance) {
    if (innerCost <= outerCost) {
      right = outer;
      outer = inner;
      outerCost = innerCost;
      inner = right - ratio * (right - left);
      innerCost = cost(inner);
    } else {
      left = inner;
      inner = outer;
      innerCost = outerCost;
      outer = left + ratio * (right - left);
      outerCost = cost(outer);
    }
  }
  return (left + right) / 2;
}
