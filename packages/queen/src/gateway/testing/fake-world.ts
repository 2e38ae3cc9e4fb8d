import type { Clock } from "../../core/clock.ts";
import type { ClientSide } from "../reply.ts";
import type { Answering, Transport, WorkerCall, WorkerRequest } from "../transport.ts";
import type { Chance } from "./random.ts";

/** A client without a socket: it reads at its own pace, or leaves. The proxy that it may be tells when it has carried the bytes. */
export class FakeClient implements ClientSide {
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #carried: (reservationId: string) => void;
  readonly #listeners: Record<"close" | "drain", (() => void)[]> = { close: [], drain: [] };
  status: number | undefined;
  #isOver = false;
  /** Each of them must be 1 in the end. */
  endings = 0;

  constructor(deps: {
    readonly clock: Clock;
    readonly chance: Chance;
    readonly carried: (reservationId: string) => void;
  }) {
    this.#clock = deps.clock;
    this.#chance = deps.chance;
    this.#carried = deps.carried;
  }

  writeHead(status: number, headers: string[]): void {
    if (this.status !== undefined) throw new Error("a second head");
    this.status = status;
    if (!headers.includes("x-accel-redirect")) return;
    const reservationId = headers[headers.indexOf("x-hive-reservation") + 1] as string;
    this.#clock.after(this.#chance.below(500), () => this.#carried(reservationId));
  }

  write(): boolean {
    if (this.status === undefined) throw new Error("a piece before the head");
    if (this.#isOver || this.#chance.percent(90)) return true;
    this.#clock.after(this.#chance.below(20), () => this.#tell("drain"));
    return false;
  }

  end(): void {
    if (this.status === undefined) throw new Error("an end without a head");
    this.#close();
  }

  destroy(): void {
    this.#close();
  }

  /** It leaves, if it is still there. */
  hangUp(): void {
    if (!this.#isOver) this.#close();
  }

  on(event: "close", listener: () => void): void {
    this.#listeners[event].push(listener);
  }

  once(event: "drain", listener: () => void): void {
    this.#listeners[event].push(listener);
  }

  #close(): void {
    this.endings++;
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tell("close");
  }

  #tell(event: "close" | "drain"): void {
    for (const listener of this.#listeners[event].splice(0)) listener();
  }
}

const EVENT_STREAM = { "content-type": "text/event-stream", "transfer-encoding": "chunked" };
const PIECE = Buffer.from("data: {}\n\n");

/** Workers without sockets, which fail in every way there is. Those of a dead machine say nothing any more. */
export class FakeWorkers implements Transport {
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #dead: Set<string> = new Set();
  /** Requests that they have, by origin. */
  readonly #running: Map<string, Set<FakeCall>> = new Map();

  constructor(deps: { readonly clock: Clock; readonly chance: Chance }) {
    this.#clock = deps.clock;
    this.#chance = deps.chance;
  }

  get running(): number {
    return [...this.#running.values()].reduce((sum, calls) => sum + calls.size, 0);
  }

  runningAt(origin: string): number {
    return this.#running.get(origin)?.size ?? 0;
  }

  /** No packet comes from there, not even one that says so. */
  silence(origin: string): void {
    this.#dead.add(origin);
  }

  revive(origin: string): void {
    this.#dead.delete(origin);
    for (const call of [...(this.#running.get(origin) ?? [])]) call.fail("reset by a new start");
  }

  /** As kill -9. */
  kill(origin: string): void {
    for (const call of [...(this.#running.get(origin) ?? [])]) call.fail("reset");
  }

  send({ origin }: WorkerRequest, answering: Answering): WorkerCall {
    const calls = this.#running.get(origin) ?? new Set();
    this.#running.set(origin, calls);
    const call = new FakeCall(answering, () => calls.delete(call));
    calls.add(call);
    const after = (ms: number, run: () => void) =>
      this.#clock.after(ms, () => {
        if (!this.#dead.has(origin)) call.when(run);
      });
    this.#answer(call, after);
    return call;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #answer(call: FakeCall, after: (ms: number, run: () => void) => void): void {
    const chance = this.#chance;
    const think = chance.below(200);
    const refuse = (status: number) =>
      after(think, () => {
        call.answering.head(status, {});
        call.when(() => call.answering.data(Buffer.from("no")));
        call.when(() => call.end());
      });
    const kind = chance.next() * 100;
    if (kind < 3) after(1, () => call.fail("refused"));
    else if (kind < 6) refuse(chance.pick([502, 503, 504]));
    else if (kind < 8) refuse(chance.pick([404, 429, 501]));
    else if (kind < 11) refuse(chance.pick([400, 422, 500]));
    else if (kind < 12)
      return; // It hangs.
    else {
      const pieces = chance.below(6);
      const dies = chance.percent(4);
      after(think, () => call.answering.head(200, EVENT_STREAM));
      for (let piece = 1; piece <= pieces; piece++) after(think + piece * 30, () => call.answering.data(PIECE));
      after(think + pieces * 30 + 10, () => (dies ? call.fail("died") : call.end()));
    }
  }
}

class FakeCall implements WorkerCall {
  readonly answering: Answering;
  readonly #onOver: () => void;
  #isOver = false;
  #isPaused = false;
  #held: (() => void)[] = [];

  constructor(answering: Answering, onOver: () => void) {
    this.answering = answering;
    this.#onOver = onOver;
  }

  /** Now, or when the reader goes on; never once it is over. */
  when(run: () => void): void {
    if (this.#isOver) return;
    if (this.#isPaused) this.#held.push(run);
    else run();
  }

  end(): void {
    this.#over();
    this.answering.ended();
  }

  fail(why: string): void {
    if (this.#isOver) return;
    this.#over();
    this.answering.failed(new Error(why));
  }

  abort(): void {
    this.#over();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const held = this.#held;
    this.#held = [];
    for (const run of held) this.when(run);
  }

  #over(): void {
    this.#isOver = true;
    this.#onOver();
  }
}
