import { MODEL_KINDS, type ModelSeries, placesOf } from "./series.ts";
import { StepRings } from "./step-rings.ts";
import type { StepWindow } from "./steps.ts";

/** Models that are told apart; the requests of others are counted together. */
export const MODELS_KEPT = 128;
/** What is told of models that are not told apart. */
export const OTHER_MODELS = "(others)";

/** One request of a model, as it ended. */
export interface ModelRequest {
  readonly failed: boolean;
  /** What its worker told that it cost; absent when it told nothing. */
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  /** How long it waited for a worker. */
  readonly queue_wait_ms?: number;
  /** From its arrival to the first byte of its answer. */
  readonly first_byte_ms?: number;
}

export interface ModelTelemetry {
  readonly model: string;
  readonly series: Readonly<Record<ModelSeries, readonly (number | null)[]>>;
}

interface Meter {
  readonly seat: number;
  lastStep: number;
}

const AT = placesOf(MODEL_KINDS);
const NAMES = Object.keys(MODEL_KINDS) as ModelSeries[];

/** What requests of models were like. A model that was not asked for lately gives its place to one that is, when all are taken. */
export class ModelMeters {
  readonly #rings: StepRings = new StepRings(Object.values(MODEL_KINDS), { pageSeats: 16 });
  readonly #meters: Map<string, Meter> = new Map();

  get bytes(): number {
    return this.#rings.bytes;
  }

  /** Whether requests of it are told apart already. */
  has(model: string): boolean {
    return this.#meters.has(model);
  }

  add(model: string, request: ModelRequest, step: number): void {
    const meter = this.#meters.get(model) ?? this.#open(model, step);
    meter.lastStep = step;
    const { seat } = meter;
    const rings = this.#rings;
    rings.heard(seat, step);
    rings.add(seat, AT.requests, 1);
    rings.add(seat, AT.requests_failed, request.failed ? 1 : 0);
    if (request.input_tokens !== undefined) rings.add(seat, AT.input_tokens, request.input_tokens);
    if (request.output_tokens !== undefined) rings.add(seat, AT.output_tokens, request.output_tokens);
    if (request.queue_wait_ms !== undefined) rings.add(seat, AT.queue_wait_ms, request.queue_wait_ms);
    if (request.first_byte_ms !== undefined) rings.add(seat, AT.first_byte_ms, request.first_byte_ms);
  }

  /** The models with the most requests in the window, at most `max` of them, and the rest as one. Those without any are left out. */
  read(window: StepWindow, max: number): ModelTelemetry[] {
    const busy = Array.from(this.#meters, ([model, { seat }]) => {
      const requests = this.#rings.read(seat, AT.requests, window);
      return { model, seat, total: requests.reduce<number>((sum, value) => sum + (value ?? 0), 0) };
    }).filter(({ total }) => total > 0);
    const named = busy.filter(({ model }) => model !== OTHER_MODELS).sort((a, b) => b.total - a.total);
    const shown = named.slice(0, named.length === busy.length && named.length <= max ? max : max - 1);
    const rest = [...named.slice(shown.length), ...busy.filter(({ model }) => model === OTHER_MODELS)];
    const answer = shown.map(({ model, seat }) => ({ model, series: this.#series([seat], window) }));
    if (rest.length === 0) return answer;
    const seats = rest.map(({ seat }) => seat);
    return [...answer, { model: OTHER_MODELS, series: this.#series(seats, window) }];
  }

  #open(model: string, step: number): Meter {
    if (this.#meters.size >= MODELS_KEPT && model !== OTHER_MODELS) {
      const quiet = this.#quietest();
      // All were asked for in this very step.
      if (quiet === undefined || quiet.meter.lastStep === step) {
        return this.#meters.get(OTHER_MODELS) ?? this.#open(OTHER_MODELS, step);
      }
      this.#meters.delete(quiet.model);
      this.#rings.close(quiet.meter.seat);
    }
    const meter = { seat: this.#rings.open(), lastStep: step };
    this.#meters.set(model, meter);
    return meter;
  }

  #quietest(): { readonly model: string; readonly meter: Meter } | undefined {
    let found: { readonly model: string; readonly meter: Meter } | undefined;
    for (const [model, meter] of this.#meters) {
      if (model === OTHER_MODELS) continue;
      if (found === undefined || meter.lastStep < found.meter.lastStep) found = { model, meter };
    }
    return found;
  }

  #series(seats: readonly number[], window: StepWindow): Record<ModelSeries, readonly (number | null)[]> {
    const read = (name: ModelSeries): readonly (number | null)[][] =>
      seats.map((seat) => this.#rings.read(seat, AT[name], window));
    const requests = read("requests");
    return Object.fromEntries(
      NAMES.map((name) => [name, joined(read(name), requests, MODEL_KINDS[name].kind === "sum")]),
    ) as unknown as Record<ModelSeries, readonly (number | null)[]>;
  }
}

/** Several models' values as one: sums, or means in which each counts as often as it was asked for. */
function joined(
  values: readonly (readonly (number | null)[])[],
  requests: readonly (readonly (number | null)[])[],
  isSum: boolean,
): (number | null)[] {
  const [only] = values;
  if (only !== undefined && values.length === 1) return [...only];
  return Array.from({ length: only?.length ?? 0 }, (_, at) => {
    let [sum, weights] = [0, 0];
    for (const [of, one] of values.entries()) {
      const value = one[at] ?? null;
      if (value === null) continue;
      const weight = isSum ? 1 : (requests[of]?.[at] ?? 0);
      sum += value * weight;
      weights += weight;
    }
    if (weights === 0) return null;
    return isSum ? sum : sum / weights;
  });
}
