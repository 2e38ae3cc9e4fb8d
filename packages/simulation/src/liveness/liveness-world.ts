import type { HiveRegistry } from "hive-registry";
import type { Random } from "../random.ts";
import type { Judge } from "./laws.ts";
import { END_MS, INTERVAL_MS, LATE_MAX_MS, STEP_MS, TROUBLE_FROM_MS, TROUBLE_TO_MS } from "./scale.ts";
import { someTime, type Trouble } from "./trouble.ts";

const STEPS = Math.ceil(END_MS / STEP_MS) + 1;
/** A hive sends its whole list at least so often. */
const FULL_EVERY = 12;
const NONE = -1;
const EPOCH_MS = Date.parse("2026-01-01T00:00:00Z");
const DAY_MS = 86_400_000;

interface Message {
  readonly hive: number;
  readonly boot: number;
  readonly seq: number;
  readonly full: boolean;
  readonly goodbye: boolean;
  /** By the sender's clock. */
  readonly stampMs: number;
}

type Fate = "ends" | "restarts" | "pauses" | "resumes" | "jumps" | "leaves";

/**
 * Hives, a network and a queen's machine, in steps of time. Each hive's next beat stands in the step in which it is due, as
 * numbers in arrays; only a message that is late or doubled is an object that waits.
 */
export class LivenessWorld {
  readonly #time: { nowMs: number };
  readonly #registry: HiveRegistry;
  readonly #judge: Judge;
  readonly #trouble: Trouble;
  readonly #random: Random;
  /** The first hive that beats in a step, and after each hive the next. */
  readonly #firstDue: Int32Array = new Int32Array(STEPS).fill(NONE);
  readonly #nextDue: Int32Array;
  readonly #boot: Int32Array;
  readonly #seq: Int32Array;
  readonly #clockMs: Float64Array;
  readonly #runs: Uint8Array;
  readonly #paused: Uint8Array;
  readonly #needsFull: Uint8Array;
  readonly #isCutOff: Uint8Array;
  /** The newest boot of each that the registry took, since it knows the hive. */
  readonly #takenBoot: Int32Array;
  /** The newest message of each that was taken, or will be once it is read. */
  readonly #newestBoot: Int32Array;
  readonly #newestSeq: Int32Array;
  readonly #lastOfBoot: Map<number, Message> = new Map();
  readonly #waiting: Map<number, Message[]> = new Map();
  readonly #fates: Map<number, [fate: Fate, hive: number][]> = new Map();
  #isQueenPaused = false;
  /** What arrived while the queen stood still, in its order. */
  #unread: (() => void)[] = [];

  constructor(
    deps: {
      readonly registry: HiveRegistry;
      readonly judge: Judge;
      readonly random: Random;
      /** Everybody's clock; this world moves it. */
      readonly time: { nowMs: number };
    },
    trouble: Trouble,
  ) {
    const { hives } = trouble;
    this.#time = deps.time;
    this.#registry = deps.registry;
    this.#judge = deps.judge;
    this.#random = deps.random;
    this.#trouble = trouble;
    this.#nextDue = new Int32Array(hives).fill(NONE);
    this.#boot = new Int32Array(hives).fill(1);
    this.#seq = new Int32Array(hives);
    this.#clockMs = new Float64Array(hives);
    this.#runs = new Uint8Array(hives).fill(1);
    this.#paused = new Uint8Array(hives);
    this.#needsFull = new Uint8Array(hives).fill(1);
    this.#isCutOff = new Uint8Array(hives);
    this.#takenBoot = new Int32Array(hives);
    this.#newestBoot = new Int32Array(hives);
    this.#newestSeq = new Int32Array(hives);
    for (let hive = 0; hive < hives; hive++) {
      this.#beatAt(hive, this.#random.whole(INTERVAL_MS));
      this.#drawFates(hive);
    }
  }

  /** Evicted: whoever is heard next under that name is taken as new. */
  forgotten(hive: number): void {
    this.#takenBoot[hive] = 0;
  }

  run(): void {
    let pausedMs = 0;
    for (let step = 0; step < STEPS; step++) {
      this.#time.nowMs = step * STEP_MS;
      const isPaused = this.#trouble.queenPauses.some(
        ({ fromMs, toMs }) => this.#time.nowMs >= fromMs && this.#time.nowMs < toMs,
      );
      this.#isQueenPaused = isPaused;
      if (isPaused) pausedMs += STEP_MS;
      for (const [fate, hive] of this.#fates.get(step) ?? []) this.#befall(fate, hive);
      if (!isPaused) {
        // Timers come first on waking, before what lies in the sockets is read: the harder order.
        this.#registry.tick();
        this.#registry.sweep();
        this.#readAll();
      }
      for (const message of this.#waiting.get(step) ?? []) this.#arrive(message);
      for (let hive = this.#firstDue[step] as number; hive !== NONE; ) {
        const next = this.#nextDue[hive] as number;
        this.#beat(hive);
        hive = next;
      }
      this.#judge.look(this.#time.nowMs, pausedMs);
      if (step === Math.ceil((TROUBLE_TO_MS + 2 * INTERVAL_MS) / STEP_MS)) this.#countTheLiving();
    }
  }

  #drawFates(hive: number): void {
    const { hivePauses, restarts, clockJumps, goodbyes, death, partition } = this.#trouble;
    const random = this.#random;
    if (random.next() < death.share) this.#befallAt(death.atMs, "ends", hive);
    if (random.next() < goodbyes) this.#befallAt(someTime(random), "leaves", hive);
    if (random.next() < restarts) this.#befallAt(someTime(random), "restarts", hive);
    if (random.next() < clockJumps) this.#befallAt(someTime(random), "jumps", hive);
    if (random.next() < partition.share) this.#isCutOff[hive] = 1;
    if (random.next() < hivePauses) {
      const fromMs = someTime(random);
      this.#befallAt(fromMs, "pauses", hive);
      this.#befallAt(Math.min(TROUBLE_TO_MS, fromMs + 20_000 * random.next()), "resumes", hive);
    }
  }

  #befallAt(atMs: number, fate: Fate, hive: number): void {
    const step = Math.ceil(atMs / STEP_MS);
    const fates = this.#fates.get(step) ?? [];
    fates.push([fate, hive]);
    this.#fates.set(step, fates);
  }

  #befall(fate: Fate, hive: number): void {
    if (this.#runs[hive] === 0) return;
    switch (fate) {
      case "ends":
        this.#runs[hive] = 0;
        if (this.#random.next() < this.#trouble.death.closed) this.#close(hive);
        return;
      case "leaves":
        this.#send({ ...this.#message(hive, true), goodbye: true });
        this.#runs[hive] = 0;
        return;
      case "restarts": {
        const old = this.#lastOfBoot.get(hive);
        this.#boot[hive] = (this.#boot[hive] as number) + 1;
        this.#seq[hive] = 0;
        this.#needsFull[hive] = 1;
        // What the earlier boot sent comes once more, numbered as if it had gone on.
        if (old === undefined) return;
        this.#wait({ ...old, full: true, seq: old.seq + 1 }, LATE_MAX_MS * this.#random.next());
        this.#wait({ ...old, full: true, seq: old.seq + 2 }, LATE_MAX_MS * this.#random.next());
        return;
      }
      case "pauses":
        this.#paused[hive] = 1;
        return;
      case "resumes":
        this.#paused[hive] = 0;
        return;
      case "jumps":
        this.#clockMs[hive] = this.#random.next() < 0.5 ? DAY_MS : -DAY_MS;
    }
  }

  /** The queen's machine sees that the connection is gone. */
  #close(hive: number): void {
    if (this.#isQueenPaused) this.#unread.push(() => void this.#registry.suspectHive(String(hive)));
    else this.#registry.suspectHive(String(hive));
  }

  #beatAt(hive: number, atMs: number): void {
    const step = Math.ceil(atMs / STEP_MS);
    if (step >= STEPS) return;
    this.#nextDue[hive] = this.#firstDue[step] as number;
    this.#firstDue[step] = hive;
  }

  #beat(hive: number): void {
    if (this.#runs[hive] === 0) return;
    this.#beatAt(hive, this.#time.nowMs + STEP_MS + (INTERVAL_MS - STEP_MS) * (0.9 + 0.1 * this.#random.next()));
    if (this.#paused[hive] === 1) return;
    this.#send(this.#message(hive, false));
  }

  #message(hive: number, mustBeFull: boolean): Message {
    const seq = (this.#seq[hive] as number) + 1;
    this.#seq[hive] = seq;
    const full = mustBeFull || this.#needsFull[hive] === 1 || seq % FULL_EVERY === 0;
    const stampMs = this.#time.nowMs + (this.#clockMs[hive] as number);
    const message = { hive, boot: this.#boot[hive] as number, seq, full, goodbye: false, stampMs };
    if (this.#trouble.restarts > 0) this.#lastOfBoot.set(hive, message);
    return message;
  }

  #send(message: Message): void {
    if (this.#time.nowMs < TROUBLE_FROM_MS || this.#time.nowMs >= TROUBLE_TO_MS) {
      this.#arrive(message);
      return;
    }
    const { lost, late, doubled, partition } = this.#trouble;
    const random = this.#random;
    if (this.#isCutOff[message.hive] === 1 && this.#time.nowMs >= partition.fromMs && this.#time.nowMs < partition.toMs)
      return;
    if (lost > 0 && random.next() < lost) return;
    if (doubled > 0 && random.next() < doubled) this.#wait(message, LATE_MAX_MS * random.next());
    if (late > 0 && random.next() < late) this.#wait(message, LATE_MAX_MS * random.next());
    else this.#arrive(message);
  }

  #wait(message: Message, ms: number): void {
    const step = Math.ceil((this.#time.nowMs + STEP_MS + ms) / STEP_MS);
    const messages = this.#waiting.get(step) ?? [];
    messages.push(message);
    this.#waiting.set(step, messages);
  }

  #arrive(message: Message): void {
    if (this.#isQueenPaused) {
      if (this.#isNews(message) && !message.goodbye) this.#judge.arrived(message.hive, this.#time.nowMs);
      this.#unread.push(() => this.#read(message));
    } else {
      this.#read(message);
    }
  }

  /** It will be taken when it is read. */
  #isNews({ hive, boot, seq, full }: Message): boolean {
    if (boot < (this.#newestBoot[hive] as number)) return false;
    if (boot === this.#newestBoot[hive] && seq <= (this.#newestSeq[hive] as number)) return false;
    if (!full && boot !== this.#takenBoot[hive]) return false;
    this.#newestBoot[hive] = boot;
    this.#newestSeq[hive] = seq;
    return true;
  }

  #readAll(): void {
    const unread = this.#unread;
    this.#unread = [];
    for (const read of unread) read();
  }

  #read({ hive, boot, seq, full, goodbye, stampMs }: Message): void {
    const hive_id = String(hive);
    const boot_id = `boot-${boot}`;
    const result = full
      ? this.#registry.updateHiveState(
          hive_id,
          {
            ...{ hive_id, boot_id, seq, goodbye, interval_ms: INTERVAL_MS, workers: [] },
            timestamp: new Date(EPOCH_MS + stampMs).toISOString(),
          },
          { receivedAtMs: EPOCH_MS + this.#time.nowMs },
        )
      : this.#registry.renewLease({ hive_id, boot_id, seq });
    if (result.accepted) {
      if (boot < (this.#takenBoot[hive] as number))
        this.#judge.rule("boot", `boot ${boot} of ${hive_id}`, this.#time.nowMs);
      this.#takenBoot[hive] = boot;
      this.#newestBoot[hive] = boot;
      this.#newestSeq[hive] = seq;
      if (!goodbye) this.#judge.arrived(hive, this.#time.nowMs);
    } else if (boot < (this.#boot[hive] as number)) {
      this.#judge.counts.oldBoots++;
    }
    if (boot === this.#boot[hive]) this.#needsFull[hive] = result.accepted || result.reason === "stale" ? 0 : 1;
  }

  #countTheLiving(): void {
    for (let hive = 0; hive < this.#runs.length; hive++) {
      if (this.#runs[hive] === 0) continue;
      const status = this.#registry.getHiveState(String(hive))?.status ?? "unknown";
      if (status !== "alive") this.#judge.rule("alive", `${hive} is ${status}`, this.#time.nowMs);
    }
  }
}
