import type { Code } from "./codes.ts";
import { LONG_STEPS_KEPT, longStepOf, STEPS_A_LONG_STEP, STEPS_KEPT, type StepWindow } from "./steps.ts";

/** What is kept of a thing, step by step. */
export interface SeriesKind {
  /**
   * How the values of a step become one. `deviation`: the standard deviation of the values of the series before this one; its own are
   * their squares.
   */
  readonly kind: "sum" | "mean" | "deviation";
  readonly code: Code;
  /** It stays as it was told last, as long as anything at all is told: a lease says that nothing changed. */
  readonly stays?: boolean;
}

const PLACES = STEPS_KEPT + LONG_STEPS_KEPT;
const NEVER = -1;
/** More of one step are not told apart from so many. */
const COUNT_MAX = 0xffff;

type Numbers = Uint8Array | Uint16Array | Float64Array;

/** The rings of a few hundred things: what is kept for each series, and what the step under way has so far. */
interface Page {
  readonly kept: readonly Numbers[];
  readonly sums: Float64Array;
  readonly counts: Uint16Array;
  readonly steps: Int32Array;
}

/**
 * Many things over time, each in a seat of its own, in shared arrays: of each series an hour in steps of a minute, a day in steps of half
 * an hour, and the step under way. A thing of which nothing is told costs nothing: its rings move on when it is heard again.
 * To tell is O(1); a step's end costs a look at each series, half an hour's end one at the hour.
 */
export class StepRings {
  readonly #kinds: readonly SeriesKind[];
  readonly #pageSeats: number;
  readonly #pages: Page[] = [];
  readonly #free: number[] = [];
  #seats = 0;

  constructor(kinds: readonly SeriesKind[], options: { readonly pageSeats: number }) {
    this.#kinds = kinds;
    this.#pageSeats = options.pageSeats;
  }

  /** Of all arrays. */
  get bytes(): number {
    let bytes = 0;
    for (const { kept, sums, counts, steps } of this.#pages) {
      bytes += sums.byteLength + counts.byteLength + steps.byteLength;
      for (const numbers of kept) bytes += numbers.byteLength;
    }
    return bytes;
  }

  /** A seat in which nothing is known. */
  open(): number {
    const seat = this.#free.pop() ?? this.#seats++;
    if (Math.floor(seat / this.#pageSeats) === this.#pages.length) this.#pages.push(this.#newPage());
    this.#clear(seat);
    return seat;
  }

  close(seat: number): void {
    this.#free.push(seat);
  }

  /** Something is told of it in this step. */
  heard(seat: number, step: number): void {
    const { steps } = this.#pageOf(seat);
    const at = seat % this.#pageSeats;
    if ((steps[at] as number) < step) this.#moveOn(seat, step);
  }

  /** Another value of the step under way; {@link heard} comes first. */
  add(seat: number, series: number, value: number): void {
    const { sums, counts } = this.#pageOf(seat);
    const at = (seat % this.#pageSeats) * this.#kinds.length + series;
    const count = counts[at] as number;
    sums[at] = count === 0 ? value : (sums[at] as number) + value;
    if (count < COUNT_MAX) counts[at] = count + 1;
  }

  /** How many values the step under way has, if it is `step`. */
  countIn(seat: number, series: number, step: number): number {
    const { steps, counts } = this.#pageOf(seat);
    const at = seat % this.#pageSeats;
    return steps[at] === step ? (counts[at * this.#kinds.length + series] as number) : 0;
  }

  /** What is known of a step of the last hour; NaN: nothing. */
  valueIn(seat: number, series: number, step: number): number {
    const page = this.#pageOf(seat);
    const last = page.steps[seat % this.#pageSeats] as number;
    if (step === last) return this.#underWay(page, seat, series);
    return step > last || step < last - STEPS_KEPT ? Number.NaN : this.#kept(page, seat, series, step % STEPS_KEPT);
  }

  /** What is known of half an hour of the last day; NaN: nothing. */
  longValueIn(seat: number, series: number, longStep: number): number {
    const page = this.#pageOf(seat);
    const last = longStepOf(page.steps[seat % this.#pageSeats] as number);
    if (longStep === last) return this.#sumUp(seat, series, longStep);
    if (longStep > last || longStep < last - LONG_STEPS_KEPT) return Number.NaN;
    return this.#kept(page, seat, series, STEPS_KEPT + (longStep % LONG_STEPS_KEPT));
  }

  /** The values of a window; null: nobody knows. */
  read(seat: number, series: number, window: StepWindow): (number | null)[] {
    const isSum = this.#kinds[series]?.kind === "sum";
    // A thing that is not heard any more keeps its last hour, whenever that was; an answer is of the same hour for all of them.
    const oldest = window.isLong ? 0 : window.now - STEPS_KEPT;
    return Array.from({ length: window.length }, (_, at) => {
      const from = window.first + at * window.each;
      const joined = new Joined();
      for (let step = Math.max(from, oldest); step < from + window.each; step++) {
        joined.add(window.isLong ? this.longValueIn(seat, series, step) : this.valueIn(seat, series, step));
      }
      return joined.value(isSum);
    });
  }

  #pageOf(seat: number): Page {
    return this.#pages[Math.floor(seat / this.#pageSeats)] as Page;
  }

  #newPage(): Page {
    const seats = this.#pageSeats;
    const cells = seats * PLACES;
    return {
      kept: this.#kinds.map(({ code: { bytes } }) =>
        bytes === 1 ? new Uint8Array(cells) : bytes === 2 ? new Uint16Array(cells) : new Float64Array(cells),
      ),
      sums: new Float64Array(seats * this.#kinds.length),
      counts: new Uint16Array(seats * this.#kinds.length),
      steps: new Int32Array(seats),
    };
  }

  #clear(seat: number): void {
    const page = this.#pageOf(seat);
    const at = seat % this.#pageSeats;
    page.steps[at] = NEVER;
    for (let series = 0; series < this.#kinds.length; series++) {
      page.sums[at * this.#kinds.length + series] = Number.NaN;
      page.counts[at * this.#kinds.length + series] = 0;
      for (let place = 0; place < PLACES; place++) this.#keep(page, seat, series, place, Number.NaN);
    }
  }

  #kept(page: Page, seat: number, series: number, place: number): number {
    const numbers = page.kept[series] as Numbers;
    return (this.#kinds[series] as SeriesKind).code.decode(
      numbers[(seat % this.#pageSeats) * PLACES + place] as number,
    );
  }

  #keep(page: Page, seat: number, series: number, place: number, value: number): void {
    const numbers = page.kept[series] as Numbers;
    numbers[(seat % this.#pageSeats) * PLACES + place] = (this.#kinds[series] as SeriesKind).code.encode(value);
  }

  #underWay({ sums, counts }: Page, seat: number, series: number): number {
    const at = (seat % this.#pageSeats) * this.#kinds.length + series;
    const [sum, count] = [sums[at] as number, counts[at] as number];
    const { kind, code } = this.#kinds[series] as SeriesKind;
    // What stays is the sum of no values: it is as it was.
    if (count === 0 || kind === "sum") return code.decode(code.encode(sum));
    if (kind === "mean") return code.decode(code.encode(sum / count));
    const mean = (sums[at - 1] as number) / count;
    return count < 2 ? Number.NaN : code.decode(code.encode(Math.sqrt(Math.max(0, sum / count - mean * mean))));
  }

  /** The step that was under way is over, and so are all until `step`. */
  #moveOn(seat: number, step: number): void {
    const page = this.#pageOf(seat);
    const at = seat % this.#pageSeats;
    const last = page.steps[at] as number;
    if (last !== NEVER) {
      for (let series = 0; series < this.#kinds.length; series++) {
        this.#keep(page, seat, series, last % STEPS_KEPT, this.#underWay(page, seat, series));
        this.#endLongSteps(page, seat, series, last, step);
        for (let unheard = Math.max(last + 1, step - STEPS_KEPT); unheard < step; unheard++) {
          this.#keep(page, seat, series, unheard % STEPS_KEPT, Number.NaN);
        }
      }
    }
    for (let series = 0; series < this.#kinds.length; series++) {
      const sumAt = at * this.#kinds.length + series;
      page.sums[sumAt] = this.#kinds[series]?.stays === true ? this.#underWay(page, seat, series) : Number.NaN;
      page.counts[sumAt] = 0;
    }
    page.steps[at] = step;
  }

  #endLongSteps(page: Page, seat: number, series: number, last: number, step: number): void {
    const [from, to] = [longStepOf(last), longStepOf(step)];
    if (from === to) return;
    this.#keep(page, seat, series, STEPS_KEPT + (from % LONG_STEPS_KEPT), this.#sumUp(seat, series, from));
    for (let long = Math.max(from + 1, to - LONG_STEPS_KEPT); long < to; long++) {
      this.#keep(page, seat, series, STEPS_KEPT + (long % LONG_STEPS_KEPT), Number.NaN);
    }
  }

  /** A long step of which the last step that was heard is a part. */
  #sumUp(seat: number, series: number, longStep: number): number {
    const joined = new Joined();
    const from = longStep * STEPS_A_LONG_STEP;
    for (let step = from; step < from + STEPS_A_LONG_STEP; step++) joined.add(this.valueIn(seat, series, step));
    return joined.value(this.#kinds[series]?.kind === "sum") ?? Number.NaN;
  }
}

/** Several values as one; what is unknown does not count. */
class Joined {
  #sum = 0;
  #known = 0;

  add(value: number): void {
    if (Number.isNaN(value)) return;
    this.#sum += value;
    this.#known++;
  }

  value(isSum: boolean): number | null {
    if (this.#known === 0) return null;
    return isSum ? this.#sum : this.#sum / this.#known;
  }
}
