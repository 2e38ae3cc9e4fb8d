import { type Random, randomFrom } from "../random.ts";
import { Agenda, BEGINNING_MS } from "./agenda.ts";
import { call, type Ending } from "./caller.ts";
import { centralWaits } from "./central-queue.ts";
import { type Choice, type Chooser, random, reserving, routing, SeedRule } from "./chooser.ts";
import { type Hearer, SimHive } from "./hive.ts";
import { Network } from "./network.ts";
import { evenness, type Outcome, waitsOf } from "./outcome.ts";
import { SimQueen } from "./queen.ts";
import { everyMsOf, type Scenario, type Trouble, type Way } from "./scenario.ts";
import { SimWorker } from "./worker.ts";
import { bestHitRate, type Job, workloadOf } from "./workload.ts";

const MODEL = "model";
const CLIENTS = "clients";
/** Requests at the beginning that are not measured: the fleet is still empty. */
const WARM_UP_SHARE = 0.1;
/** When the last request is over, messages about it are on the way for less than this. */
const LAST_WORDS_MS = 1_000;
/** A world that needs more events than this for each request will not end. */
const EVENTS_PER_REQUEST_MAX = 10_000;
/** After so many intervals a silent hive gets no new work; and a second more, for what was on the way. */
const NOTICED_INTERVALS = 2.5;
const ON_THE_WAY_MS = 1_000;

/** One queen, or whatever stands in her place, and how she chooses. */
interface Desk extends Hearer {
  readonly chooser: Chooser;
  readonly queen: SimQueen | undefined;
}

/** Lets a scenario happen from the beginning to the end. */
export function simulate(scenario: Scenario, way: Way): Outcome {
  const world = new World(scenario, way);
  return world.run();
}

/** The reference: what an all-knowing central queue makes of the same requests. */
export function simulateCentral(scenario: Scenario): Outcome {
  const jobs = jobsOf(scenario);
  const slots = scenario.hives * scenario.workersPerHive * scenario.slots;
  const waits = centralWaits(jobs, slots);
  return {
    ...{ way: "central", requests: jobs.length, completed: jobs.length, refused: 0, failed: 0, left: 0 },
    ...waitsOf(waits, warmUpOf(jobs)),
    utilisation: jobs.reduce((sum, { serviceMs }) => sum + serviceMs, 0) / (slots * (jobs.at(-1)?.arrivesMs ?? 1)),
    ...{ by_worker: [], busiest_over_mean: 1, fairness: 1, session_kept: 0, sent_to_silent: 0, sent_to_silent_late: 0 },
    ...{ messages_lost: 0, line_longest: 0, reservations_left: 0, waiting_left: 0 },
  };
}

function jobsOf(scenario: Scenario): Job[] {
  const { requests, serviceMeanMs, serviceSigma, sessions, hangUps, prompts, seed } = scenario;
  const everyMs = everyMsOf(scenario);
  return workloadOf(randomFrom(seed).stream("workload"), {
    ...{ requests, everyMs, serviceMeanMs, serviceSigma, sessions, hangUps, prompts },
  });
}

const warmUpOf = (jobs: readonly Job[]): number => Math.floor(WARM_UP_SHARE * jobs.length);

class World {
  readonly #scenario: Scenario;
  readonly #way: Way;
  readonly #random: Random;
  readonly #agenda: Agenda = new Agenda();
  readonly #network: Network;
  readonly #desks: Desk[] = [];
  readonly #hives: SimHive[] = [];
  readonly #workers: Map<string, SimWorker> = new Map();
  readonly #jobs: readonly Job[];
  readonly #waits: Float64Array;
  readonly #endings: Record<Ending, number> = { completed: 0, refused: 0, failed: 0, left: 0 };
  /** Since when each hive is dead, or cut off from the queens. */
  readonly #deadSinceMs: Map<string, number> = new Map();
  readonly #cutSinceMs: Map<string, number> = new Map();
  readonly #lastOfSession: Map<number, string> = new Map();
  readonly #opensMs: number;
  #sentToSilent = 0;
  #sentToSilentLate = 0;
  /** Choices for a session that had one before, and those that fell on the same worker. */
  #followed = 0;
  #kept = 0;
  #busyMs = 0;

  constructor(scenario: Scenario, way: Way) {
    this.#scenario = scenario;
    this.#way = way;
    this.#random = randomFrom(scenario.seed).stream("world");
    const random = this.#random.stream("network");
    this.#network = new Network({ agenda: this.#agenda, random }, scenario.network);
    this.#jobs = jobsOf(scenario);
    this.#waits = new Float64Array(this.#jobs.length).fill(Number.NaN);
    // Every hive has beaten once by then.
    this.#opensMs = BEGINNING_MS + scenario.beatMs + 1_000;
    for (let at = 0; at < scenario.queens; at++) this.#desks.push(this.#desk(`queen-${at}`));
    for (let at = 0; at < scenario.hives; at++) this.#addHive(`hive-${at}`);
  }

  run(): Outcome {
    const { requests, ttlMs, patience } = this.#scenario;
    this.#arrange();
    const open = () => Object.values(this.#endings).reduce((sum, one) => sum + one, 0) < requests;
    this.#agenda.runWhile(open, requests * EVENTS_PER_REQUEST_MAX);
    // What is on its way arrives; whatever nobody ended then ends by its time.
    this.#agenda.runUntil(this.#agenda.now() + LAST_WORDS_MS);
    if (this.#left.reservations_left > 0 || this.#left.waiting_left > 0) {
      this.#agenda.runUntil(this.#agenda.now() + ttlMs + patience.waitMs);
    }
    return this.#outcome();
  }

  #desk(place: string): Desk {
    const { beatMs, lineMax, patience, ttlMs } = this.#scenario;
    const agenda = this.#agenda;
    if (this.#way === "random") {
      const everyone: Choice[] = [];
      const chooser = random(everyone, this.#random.stream(place));
      // Whoever ever beat.
      const hear: Hearer["hear"] = ({ hive_id, workers }) => {
        if (everyone.some((one) => one.hive_id === hive_id)) return;
        for (const { worker_id } of workers) everyone.push({ hive_id, worker_id });
      };
      return { place, chooser, queen: undefined, hear, disconnected: () => undefined };
    }
    if (this.#way === "seed-rule") {
      const rule = new SeedRule(agenda, place);
      return {
        ...{ place, chooser: rule, queen: undefined },
        hear: (payload) => rule.hear(payload),
        disconnected: (hiveId) => rule.disconnected(hiveId),
      };
    }
    const queen = new SimQueen({ agenda, random: this.#random.stream(place) }, { place, beatMs, lineMax });
    const chooser =
      this.#way === "route"
        ? routing(queen, agenda, MODEL)
        : reserving(queen, { model: MODEL, policy: this.#way, waitMs: patience.waitMs, ttlMs });
    return {
      ...{ place, chooser, queen },
      hear: (payload) => queen.hear(payload),
      disconnected: (hiveId) => queen.disconnected(hiveId),
    };
  }

  #addHive(hiveId: string): void {
    const { workersPerHive, slots, prompts, beatMs, plain } = this.#scenario;
    const random = this.#random.stream(hiveId);
    const workers = Array.from({ length: workersPerHive }, (_, at) => {
      const workerId = `${hiveId}-w${at}`;
      const worker = new SimWorker(this.#agenda, {
        ...{ workerId, model: MODEL, slots, prefillMs: prompts?.prefillMs ?? 0, remembers: prompts?.remembers ?? 0 },
        idleGpu: random.next,
      });
      this.#workers.set(workerId, worker);
      return worker;
    });
    const deps = { agenda: this.#agenda, network: this.#network, random, hearers: this.#desks };
    const hive = new SimHive(deps, workers, { hiveId, beatMs, plain });
    this.#hives.push(hive);
    this.#agenda.after(beatMs * random.next(), () => hive.start());
  }

  /** Puts the requests and the troubles on the agenda. */
  #arrange(): void {
    const agenda = this.#agenda;
    const desks = this.#random.stream("desks");
    const deps = {
      ...{ agenda, network: this.#network },
      workerOf: ({ worker_id }: Choice) => this.#workers.get(worker_id) as SimWorker,
      onChosen: (job: Job, choice: Choice) => this.#noteChoice(job, choice),
      onBegan: (job: Job) => this.#noteBegin(job),
    };
    const next = (index: number): void => {
      const job = this.#jobs[index];
      if (job === undefined) return;
      agenda.at(this.#opensMs + job.arrivesMs, () => {
        const { place, chooser } = this.#desks[desks.whole(this.#desks.length)] as Desk;
        call(deps, { place, chooser }, job, this.#scenario.patience, (ending) => {
          this.#endings[ending]++;
        });
        if (index === this.#jobs.length - 1) this.#busyMs = this.#allWorkers((worker) => worker.busyMs);
        next(index + 1);
      });
    };
    next(0);
    for (const trouble of this.#scenario.troubles) {
      agenda.at(this.#opensMs + trouble.at_ms, () => this.#make(trouble));
    }
  }

  #make(trouble: Trouble): void {
    const hive = this.#hives[trouble.hive] as SimHive;
    const { hiveId } = hive.options;
    const nowMs = this.#agenda.now();
    switch (trouble.kind) {
      case "crash":
      case "power":
        if (hive.isAlive) this.#deadSinceMs.set(hiveId, nowMs);
        hive.die(trouble.kind);
        return;
      case "start":
        this.#deadSinceMs.delete(hiveId);
        hive.start();
        return;
      case "cut":
      case "heal": {
        const isCut = trouble.kind === "cut";
        if (trouble.from === "queens" && isCut && !this.#cutSinceMs.has(hiveId)) this.#cutSinceMs.set(hiveId, nowMs);
        if (trouble.from === "queens" && !isCut) this.#cutSinceMs.delete(hiveId);
        const places = trouble.from === "clients" ? [CLIENTS] : this.#desks.map(({ place }) => place);
        for (const place of places) this.#network[trouble.kind](hiveId, place);
      }
    }
  }

  #noteChoice({ session }: Job, { hive_id, worker_id }: Choice): void {
    const before = this.#lastOfSession.get(session);
    if (before !== undefined) this.#followed++;
    if (before === worker_id) this.#kept++;
    this.#lastOfSession.set(session, worker_id);

    const silentSinceMs = Math.min(
      this.#deadSinceMs.get(hive_id) ?? Number.POSITIVE_INFINITY,
      this.#cutSinceMs.get(hive_id) ?? Number.POSITIVE_INFINITY,
    );
    if (silentSinceMs === Number.POSITIVE_INFINITY) return;
    this.#sentToSilent++;
    const noticedAtMs = silentSinceMs + NOTICED_INTERVALS * this.#scenario.beatMs + ON_THE_WAY_MS;
    if (this.#agenda.now() > noticedAtMs) this.#sentToSilentLate++;
  }

  #noteBegin(job: Job): void {
    // One that fails after its first byte is not tried again, so a request begins once.
    this.#waits[job.index] = this.#agenda.now() - this.#opensMs - job.arrivesMs;
  }

  #allWorkers(count: (worker: SimWorker) => number): number {
    return [...this.#workers.values()].reduce((sum, worker) => sum + count(worker), 0);
  }

  get #left(): Pick<Outcome, "reservations_left" | "waiting_left"> {
    const queens = this.#desks.flatMap(({ queen }) => queen ?? []);
    return {
      reservations_left: queens.reduce((sum, { registry }) => sum + registry.reservationCount(), 0),
      waiting_left: queens.reduce((sum, { line }) => sum + line.length, 0),
    };
  }

  #outcome(): Outcome {
    const { slots, prompts } = this.#scenario;
    const taken = [...this.#workers.values()].map((worker) => worker.taken);
    const all = taken.reduce((sum, one) => sum + one, 0);
    const spanMs = this.#jobs.at(-1)?.arrivesMs ?? 1;
    const queens = this.#desks.flatMap(({ queen }) => queen ?? []);
    return {
      ...{ way: this.#way, requests: this.#jobs.length, ...this.#endings },
      ...waitsOf(this.#waits, warmUpOf(this.#jobs)),
      utilisation: this.#busyMs / (this.#workers.size * slots * spanMs),
      by_worker: taken,
      ...evenness(taken),
      ...(prompts !== undefined && {
        hit_rate: this.#allWorkers((worker) => worker.hits) / all,
        best_hit_rate: bestHitRate(this.#jobs),
      }),
      session_kept: this.#kept / Math.max(1, this.#followed),
      ...{ sent_to_silent: this.#sentToSilent, sent_to_silent_late: this.#sentToSilentLate },
      messages_lost: this.#network.lost,
      line_longest: Math.max(0, ...queens.map(({ line }) => line.longest)),
      ...this.#left,
    };
  }
}
