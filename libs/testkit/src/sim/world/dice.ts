/** A stream of chance, the same for the same seed and purpose. */
export interface Dice {
  /** Uniform in [0, 1). */
  readonly next: () => number;
  /** True with a probability. */
  chance(probability: number): boolean;
  /** A whole number from 0 to before `limit`. */
  below(limit: number): number;
  /** Uniform between two numbers. */
  between(least: number, most: number): number;
  /** One of a list, which has at least one. */
  pick<T>(from: readonly T[]): T;
  /** Around a mean, seldom much more: exponential, cut off at ten times the mean. */
  around(mean: number): number;
}

const CUT_OFF = 10;

/**
 * Makes the stream of a purpose. Each purpose has its own, so that one more draw for one of them does not change what all others see, and a
 * failing seed stays the same failing seed for longer.
 */
export function createDice(seed: number, purpose: string): Dice {
  const next = smallFastCounter(seed, purpose);
  return {
    next,
    chance: (probability) => next() < probability,
    below: (limit) => Math.floor(next() * limit),
    between: (least, most) => least + next() * (most - least),
    pick<T>(from: readonly T[]): T {
      if (from.length === 0) throw new RangeError("there is nothing to pick from");
      return from[Math.floor(next() * from.length)] as T;
    },
    around: (mean) => Math.min(-Math.log(1 - next()) * mean, mean * CUT_OFF),
  };
}

/** Chris Doty-Humphrey's sfc32, seeded with the seed and a hash of the purpose (FNV-1a). */
function smallFastCounter(seed: number, purpose: string): () => number {
  let hash = 0x811c_9dc5;
  for (let at = 0; at < purpose.length; at++)
    hash = Math.imul(hash ^ purpose.charCodeAt(at), 0x0100_0193) >>> 0;
  let [a, b, c, counter] = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, hash, 1];
  const draw = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let warmUp = 0; warmUp < 12; warmUp++) draw();
  return draw;
}
