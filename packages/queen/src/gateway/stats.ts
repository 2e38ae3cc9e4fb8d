import { ENDINGS, type Ending } from "./endings.ts";
import { ModelCounts } from "./model-counts.ts";

/** Upper bounds of the buckets of the time to the first byte, s. */
export const FIRST_BYTE_BUCKETS_S: readonly number[] = [
  ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600],
];

/** What the gateway counts. Plain numbers: they are read rarely and written with every request. */
export class GatewayStats {
  /** By path, then by ending. */
  readonly endings: ReadonlyMap<string, Record<Ending, number>>;
  /** Requests that were sent to a worker, or wait for one. */
  in_flight = 0;
  /** Bytes of request bodies that are held. */
  body_bytes = 0;
  /** Workers that failed a request before its first byte. */
  failed_tries_total = 0;
  /** Requests that another worker answered then. */
  failovers_total = 0;
  /** Streams and answers that broke off after their first byte. */
  broken_total = 0;
  readonly models: ModelCounts = new ModelCounts();
  readonly first_byte: { readonly counts: number[]; sum_s: number; total: number };

  constructor(paths: readonly string[]) {
    const none = (): Record<Ending, number> =>
      Object.fromEntries(ENDINGS.map((ending) => [ending, 0])) as Record<Ending, number>;
    this.endings = new Map(paths.map((path) => [path, none()]));
    this.first_byte = { counts: new Array<number>(FIRST_BYTE_BUCKETS_S.length + 1).fill(0), sum_s: 0, total: 0 };
  }

  ended(path: string, ending: Ending): void {
    const endings = this.endings.get(path);
    if (endings !== undefined) endings[ending]++;
  }

  firstByte(ms: number): void {
    const seconds = ms / 1_000;
    let at = 0;
    while (seconds > (FIRST_BYTE_BUCKETS_S[at] ?? Number.POSITIVE_INFINITY)) at++;
    this.first_byte.counts[at] = (this.first_byte.counts[at] as number) + 1;
    this.first_byte.sum_s += seconds;
    this.first_byte.total++;
  }
}
