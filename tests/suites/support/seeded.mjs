// Randomness that can be had again.

/** Numbers in 0..1 that are the same for the same seed: a fault that was found can be had again. */
export function seeded(seed) {
  // A linear congruential generator modulo 2^32, of which only the better upper half is used, twice.
  let state = seed >>> 0;
  const half = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 16;
  };
  half();
  const random = () => (half() * 0x10000 + half()) / 0x1_0000_0000;
  return {
    random,
    /** An integer from `low` to `high`, both included. */
    between: (low, high) => low + Math.floor(random() * (high - low + 1)),
    /** One of a list. */
    pick: (list) => list[Math.floor(random() * list.length)],
  };
}
