/**
 * Numbers in one or two bytes: the upper bits of a 32-bit float. Whole numbers up to twice the number of steps between two powers of
 * two are exact, larger ones are right to one part in so many. The highest code says that nobody knows.
 */
export interface Code {
  readonly bytes: 1 | 2 | 8;
  encode(value: number): number;
  /** NaN: unknown. */
  decode(code: number): number;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);
const EXPONENT_BIAS = 127;
const MANTISSA_BITS = 23;

/** Of whole numbers from 0 on. @param keptBits of the fraction; the rest of `codes` is left to the exponent. */
function upperBits(keptBits: number, codes: number): { encode(value: number): number; decode(code: number): number } {
  const shift = MANTISSA_BITS - keptBits;
  const half = 2 ** (shift - 1);
  const one = EXPONENT_BIAS << keptBits;
  const last = codes - 1;
  return {
    encode(value) {
      if (value < 0.5) return 0;
      float[0] = Math.round(value);
      return Math.min((((bits[0] as number) + half) >>> shift) - one + 1, last);
    },
    decode(code) {
      if (code === 0) return 0;
      bits[0] = (code - 1 + one) << shift;
      return float[0] as number;
    },
  };
}

const UNKNOWN_BYTE = 0xff;
const UNKNOWN_WORD = 0xffff;
const SIGN = 0x8000;

const count = upperBits(3, UNKNOWN_BYTE);
/** How often: exact to 16, then right to 1 in 16; at most some 10⁹. */
export const COUNT_CODE: Code = {
  bytes: 1,
  encode: (value) => (Number.isNaN(value) ? UNKNOWN_BYTE : count.encode(value)),
  decode: (code) => (code === UNKNOWN_BYTE ? Number.NaN : count.decode(code)),
};

/** 0 to 100 in halves. */
export const PERCENT_CODE: Code = {
  bytes: 1,
  encode: (value) => (Number.isNaN(value) ? UNKNOWN_BYTE : Math.round(Math.min(Math.max(value, 0), 100) * 2)),
  decode: (code) => (code === UNKNOWN_BYTE ? Number.NaN : code / 2),
};

const amount = upperBits(10, UNKNOWN_WORD);
/** Bytes, ms: exact to 2,048, then right to 1 in 2,048; at most some 10¹⁹. */
export const AMOUNT_CODE: Code = {
  bytes: 2,
  encode: (value) => (Number.isNaN(value) ? UNKNOWN_WORD : amount.encode(value)),
  decode: (code) => (code === UNKNOWN_WORD ? Number.NaN : amount.decode(code)),
};

const signed = upperBits(9, SIGN - 1);
/** As {@link AMOUNT_CODE}, on both sides of 0 and half as fine. */
export const SIGNED_CODE: Code = {
  bytes: 2,
  encode(value) {
    if (Number.isNaN(value)) return UNKNOWN_WORD;
    return value < 0 ? signed.encode(-value) | SIGN : signed.encode(value);
  },
  decode(code) {
    if (code === UNKNOWN_WORD) return Number.NaN;
    return (code & SIGN) === 0 ? signed.decode(code) : -signed.decode(code & ~SIGN);
  },
};

/** Any number as it is. For the few things of which there is one, not ten thousand. */
export const EXACT_CODE: Code = { bytes: 8, encode: (value) => value, decode: (code) => code };
