/** Chance from a seed: the same seed gives the same numbers, on every machine. */
export interface Random {
  /** 0 to 1, without 1. */
  next(): number;
  /** A whole number from 0 to `below - 1`. */
  whole(below: number): number;
  /** Time until the next of events that come at random, `mean` apart. */
  exponential(mean: number): number;
  /**
   * Log-normal with this mean. `sigma` is the standard deviation of its logarithm: 1 makes the longest of a hundred some ten times
   * the median, as answers of language models are.
   */
  logNormal(mean: number, sigma: number): number;
  /** Another stream, independent of this one and of what was drawn from it so far. */
  stream(name: string): Random;
}

/** @param seed any text or number. */
export function randomFrom(seed: string | number): Random {
  const name = String(seed);
  const next = sfc32(name);
  const open = (): number => 1 - next();
  return {
    next,
    whole: (below) => Math.floor(next() * below),
    exponential: (mean) => -mean * Math.log(open()),
    logNormal: (mean, sigma) => {
      // Box and Muller; the logarithm's mean is set so that the variable's own is `mean`.
      const normal = Math.sqrt(-2 * Math.log(open())) * Math.cos(2 * Math.PI * next());
      return mean * Math.exp(sigma * normal - (sigma * sigma) / 2);
    },
    stream: (other) => randomFrom(`${name}/${other}`),
  };
}

/** Chris Doty-Humphrey's "small fast counter" of 128 bits. */
function sfc32(seed: string): () => number {
  let a = hash(seed, 0x811c9dc5);
  let b = hash(seed, 0x9747b28c);
  let c = hash(seed, 0x2545f491);
  let counter = 1;
  const draw = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  // The first numbers still show the seed.
  for (let at = 0; at < 12; at++) draw();
  return draw;
}

function hash(text: string, start: number): number {
  let value = start;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return value ^ (value >>> 13);
}
