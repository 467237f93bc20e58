// The median of many numbers without sorting them: a selection that narrows in from both ends.

/** Upper median; reorders the numbers. 0 where there are none. Hoare 1961, with the middle one as pivot. */
export function middleOf(numbers: Float64Array): number {
  const target = numbers.length >> 1;
  let left = 0;
  let right = numbers.length - 1;
  while (left < right) {
    const pivot = numbers[(left + right) >> 1] ?? 0;
    let low = left;
    let high = right;
    while (low <= high) {
      while ((numbers[low] ?? 0) < pivot) low++;
      while ((numbers[high] ?? 0) > pivot) high--;
      if (low > high) break;
      const swapped = numbers[low] ?? 0;
      numbers[low++] = numbers[high] ?? 0;
      numbers[high--] = swapped;
    }
    if (target <= high) right = high;
    else if (target >= low) left = low;
    else break;
  }
  return numbers[target] ?? 0;
}
