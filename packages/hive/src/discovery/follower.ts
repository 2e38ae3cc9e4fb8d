/** One address where an inference server may be: finds out what answers there, then follows it. */
import { type Clock, within } from "../clock.ts";
import type { HttpServer } from "../workers/engines/http-server.ts";
import type { Probe, Server, ServerEngine } from "../workers/engines/server-engine.ts";
import type { Gate } from "./gate.ts";

/** How often a server is asked how it stands, while that changes. */
export const PROBE_EVERY_MS = 1_000;
/** Servers are asked together, so that the hive is woken seldom: for one server it costs as much as asking it. */
const TOGETHER_EVERY_MS = 500;
/** One that has stood as it does for so long is asked half as often; not while it loads. */
const SAME_AFTER_MS = 5_000;
/** Whatever an engine does for one probe or one recognition ends by then. */
const PROBE_LIMIT_MS = 5_000;
const RECOGNITION_LIMIT_MS = 15_000;
/** So many probes in a row without an answer, and it hangs; a slow answer is no news. */
export const HANGS_AFTER = 3;
/** So many in a row while nothing there takes connections, and it is gone. */
const REFUSALS_MAX = 2;
/** So many in a row, and it is no longer known what is there. */
const SILENCES_MAX = 30;
/** Who demands a key writes each refusal into its log. */
const LOCKED_EVERY_MS = 10_000;
const FIRST_PAUSE_MS = 500;
/** Nothing takes connections there. */
const REFUSED: ReadonlySet<string> = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENOTFOUND"]);

/** What is known of a server that was recognised. */
export interface Sight {
  readonly engine: string;
  readonly probe: Probe;
  /** When it answered last, by the clock's `nowMs` and as RFC 3339. */
  readonly heardAtMs: number;
  readonly heardAt: string;
  /** Probes in a row that it did not answer. */
  readonly silences: number;
}

export type FollowedServer = Pick<HttpServer, "url" | "get" | "failure" | "close">;

export interface FollowerDeps {
  readonly clock: Clock;
  /** A new one for each start: engines keep by it what changes seldom. */
  readonly connect: () => FollowedServer;
  readonly recognise: (server: Server) => Promise<ServerEngine | undefined>;
  /** Whether it may be shown: what is recognised and still is no worker is passed over. */
  readonly isWorker: (engine: ServerEngine, probe: Probe) => boolean;
  /** Recognitions at once. */
  readonly gate: Gate;
  /** Called after anything about it changed. */
  readonly onChange: () => void;
}

export interface FollowerOptions {
  readonly probeEveryMs?: number;
  /** Between two tries to recognise it the pauses double up to this. */
  readonly pauseMaxMs: number;
  /** So often it is tried to recognise what is there. */
  readonly triesMax: number;
}

export class Follower {
  readonly #deps: FollowerDeps;
  readonly #options: FollowerOptions;
  readonly #probeEveryMs: number;
  #server: FollowedServer | undefined;
  #engine: ServerEngine | undefined;
  #sight: Sight | undefined;
  #tries = 0;
  #refusals = 0;
  #sameSinceMs = 0;
  #cancel: () => void = () => {};
  /** Counts starts, so that what was under way when it stopped does not count. */
  #run = 0;
  #isDecided = false;

  constructor(deps: FollowerDeps, options: FollowerOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#probeEveryMs = options.probeEveryMs ?? PROBE_EVERY_MS;
  }

  /** `undefined`: nothing was recognised, or it is gone. */
  get sight(): Sight | undefined {
    return this.#sight;
  }

  /** Whether it was tried once what is there, however that went. */
  get isDecided(): boolean {
    return this.#isDecided;
  }

  start(): void {
    this.#tries = 0;
    this.#refusals = 0;
    this.#server = this.#deps.connect();
    this.#begin(++this.#run);
  }

  stop(): void {
    this.#run++;
    this.#cancel();
    this.#engine = undefined;
    this.#sight = undefined;
    this.#server?.close();
  }

  #begin(run: number): void {
    void this.#deps.gate
      .run(() => this.#recognise(run))
      // An engine that throws is a defect of it: what is there counts as not recognised.
      .catch(() => undefined)
      .then(() => this.#recognised(run));
  }

  async #recognise(run: number): Promise<void> {
    const { clock, recognise, isWorker } = this.#deps;
    const server = this.#server;
    if (run !== this.#run || server === undefined) return;
    const engine = await within(clock, RECOGNITION_LIMIT_MS, recognise(server));
    const probe = engine && (await within(clock, PROBE_LIMIT_MS, engine.probe(server)));
    if (engine === undefined || probe === undefined || !isWorker(engine, probe)) return;
    if (run !== this.#run) return;
    this.#engine = engine;
    this.#see(engine, probe);
  }

  #recognised(run: number): void {
    if (run !== this.#run) return;
    this.#isDecided = true;
    this.#tries++;
    if (this.#engine !== undefined) this.#probeAfter(this.#pauseMs(), run);
    else if (this.#tries < this.#options.triesMax) {
      const pauseMs = Math.min(this.#options.pauseMaxMs, FIRST_PAUSE_MS * 2 ** (this.#tries - 1));
      this.#cancel = this.#deps.clock.after(pauseMs, () => this.#begin(run));
    }
    this.#deps.onChange();
  }

  #probeAfter(delayMs: number, run: number): void {
    const { clock } = this.#deps;
    const [nowMs, stepMs] = [clock.nowMs(), Math.min(TOGETHER_EVERY_MS, this.#probeEveryMs)];
    const atMs = Math.floor((nowMs + delayMs) / stepMs) * stepMs;
    this.#cancel = clock.after(Math.max(1, atMs - nowMs), () => void this.#probe(run));
  }

  async #probe(run: number): Promise<void> {
    const { clock, onChange } = this.#deps;
    const [server, engine] = [this.#server as FollowedServer, this.#engine as ServerEngine];
    const probe = await within(clock, PROBE_LIMIT_MS, engine.probe(server)).catch(() => undefined);
    if (run !== this.#run) return;
    if (probe !== undefined) {
      if (this.#see(engine, probe)) onChange();
    } else {
      this.#refusals = REFUSED.has(server.failure ?? "") ? this.#refusals + 1 : 0;
      const before = this.#sight as Sight;
      this.#sight = { ...before, silences: before.silences + 1 };
      if (this.#refusals >= REFUSALS_MAX || this.#sight.silences >= SILENCES_MAX) {
        this.stop();
        this.start();
        onChange();
        return;
      }
      if (this.#sight.silences === HANGS_AFTER) onChange();
    }
    this.#probeAfter(this.#pauseMs(), run);
  }

  #pauseMs(): number {
    if (this.#sight?.probe.state === "locked") return LOCKED_EVERY_MS;
    if (this.#sight?.probe.state === "loading") return this.#probeEveryMs;
    const sameMs = this.#deps.clock.nowMs() - this.#sameSinceMs;
    return sameMs >= SAME_AFTER_MS ? 2 * this.#probeEveryMs : this.#probeEveryMs;
  }

  /** Whether this is news. */
  #see(engine: ServerEngine, probe: Probe): boolean {
    const { clock } = this.#deps;
    const before = this.#sight;
    const nowMs = clock.nowMs();
    const isNews = before === undefined || before.silences >= HANGS_AFTER || !isSame(before.probe, probe);
    if (isNews) this.#sameSinceMs = nowMs;
    this.#refusals = 0;
    this.#sight = {
      engine: engine.name,
      probe,
      heardAtMs: nowMs,
      heardAt: new Date(clock.wallMs()).toISOString(),
      silences: 0,
    };
    return isNews;
  }
}

/** Nothing changed that anybody would act on; the KV cache's fill goes along with other news. */
function isSame(before: Probe, now: Probe): boolean {
  return (
    before.state === now.state &&
    before.message === now.message &&
    before.slots_total === now.slots_total &&
    before.slots_busy === now.slots_busy &&
    before.queue_depth === now.queue_depth &&
    before.models.length === now.models.length &&
    before.models.every(({ id, loaded }, at) => now.models[at]?.id === id && now.models[at].loaded === loaded)
  );
}
