import { describe, expect, test } from "vitest";
import { randomFrom } from "../random.ts";
import { Agenda, BEGINNING_MS } from "./agenda.ts";
import { centralWaits } from "./central-queue.ts";
import { Network } from "./network.ts";
import { evenness, waitsOf } from "./outcome.ts";
import { SimWorker } from "./worker.ts";
import { bestHitRate, type Job, workloadOf } from "./workload.ts";

describe("chance", () => {
  test("from one seed is always the same, from another another, and streams are independent of what was drawn", () => {
    const draw = (seed: number) => Array.from({ length: 5 }, randomFrom(seed).next);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    const one = randomFrom(1);
    const before = one.stream("a").next();
    one.next();
    expect(one.stream("a").next()).toBe(before);
    expect(one.stream("b").next()).not.toBe(before);
  });

  test("has the means that it is asked for", () => {
    const random = randomFrom("means");
    const mean = (draw: () => number) => Array.from({ length: 50_000 }, draw).reduce((sum, one) => sum + one) / 50_000;
    expect(mean(random.next)).toBeCloseTo(0.5, 1);
    expect(mean(() => random.exponential(5)) / 5).toBeCloseTo(1, 1);
    expect(mean(() => random.logNormal(5, 1)) / 5).toBeCloseTo(1, 1);
  });
});

describe("the agenda", () => {
  test("lets things happen in the order of their times, and of equal ones in the order in which they came", () => {
    const agenda = new Agenda();
    const seen: string[] = [];
    agenda.after(20, () => seen.push("late"));
    agenda.after(10, () => agenda.after(0, () => seen.push("meanwhile")));
    agenda.after(10, () => seen.push("second"));
    agenda.after(5, () => seen.push("never"))();
    agenda.runUntil(BEGINNING_MS + 15);
    expect(seen).toEqual(["second", "meanwhile"]);
    expect(agenda.now()).toBe(BEGINNING_MS + 15);
    agenda.runUntil(BEGINNING_MS + 100);
    expect(seen.at(-1)).toBe("late");
  });

  test("orders a thousand random times", () => {
    const agenda = new Agenda();
    const random = randomFrom(1);
    const seen: number[] = [];
    for (let at = 0; at < 1_000; at++) agenda.after(random.whole(500), () => seen.push(agenda.now()));
    agenda.runUntil(BEGINNING_MS + 500);
    expect(seen).toHaveLength(1_000);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  test("does not go on for ever", () => {
    const agenda = new Agenda();
    const again = (): void => void agenda.after(1, again);
    again();
    expect(() => agenda.runWhile(() => true, 1_000)).toThrow("1000 events");
  });
});

describe("the network", () => {
  const aNetwork = (loss: number) => {
    const agenda = new Agenda();
    const network = new Network({ agenda, random: randomFrom(1) }, { delayMs: 10, loss });
    return { agenda, network };
  };

  test("delays messages, so that some overtake others, and loses the share that it is told to", () => {
    const { agenda, network } = aNetwork(0.1);
    const arrived: number[] = [];
    for (let at = 0; at < 1_000; at++) network.send("a", "b", () => arrived.push(at));
    agenda.runUntil(BEGINNING_MS + 1_000);
    expect(arrived).not.toEqual(arrived.toSorted((a, b) => a - b));
    expect(arrived.length + network.lost).toBe(1_000);
    expect(network.lost / 1_000).toBeCloseTo(0.1, 1);
  });

  test("lets nothing through where it is cut, in both directions, until it is healed", () => {
    const { agenda, network } = aNetwork(0);
    let arrived = 0;
    const send = (from: string, to: string) => network.send(from, to, () => arrived++);
    network.cut("a", "b");
    send("a", "b");
    send("b", "a");
    send("a", "c");
    network.heal("b", "a");
    send("a", "b");
    agenda.runUntil(BEGINNING_MS + 1_000);
    expect([arrived, network.lost]).toEqual([2, 2]);
  });
});

describe("a simulated worker", () => {
  const aJob = (index: number, prefix = -1): Job => ({
    index,
    arrivesMs: 0,
    serviceMs: 100,
    prefix,
    session: 0,
    hangsUpMs: Number.POSITIVE_INFINITY,
  });
  const aWorker = (slots: number) => {
    const agenda = new Agenda();
    const options = { workerId: "w", model: "m", slots, prefillMs: 50, remembers: 2, idleGpu: () => 0 };
    const worker = new SimWorker(agenda, options);
    const seen: string[] = [];
    const give = (job: Job) =>
      worker.take(job, undefined, {
        began: () => seen.push(`${job.index} began ${agenda.now() - BEGINNING_MS}`),
        done: () => seen.push(`${job.index} done ${agenda.now() - BEGINNING_MS}`),
        cut: () => seen.push(`${job.index} cut`),
      });
    return { agenda, worker, give, seen };
  };

  test("runs as many requests as it has slots, the others in the order in which they came", () => {
    const { agenda, worker, give, seen } = aWorker(1);
    give(aJob(1));
    give(aJob(2));
    expect(worker.info("", { plain: false })).toMatchObject({ state: "Busy", slots_busy: 1, queue_depth: 1 });
    agenda.runUntil(BEGINNING_MS + 1_000);
    expect(seen).toEqual(["1 began 0", "1 done 100", "2 began 100", "2 done 200"]);
    expect(worker.busyMs).toBe(200);
  });

  test("answers faster what begins like something that it remembers, and remembers the last two beginnings", () => {
    const { agenda, worker, give, seen } = aWorker(9);
    for (const [index, prefix] of [7, 7, 8, 9, 7].entries()) give(aJob(index, prefix));
    agenda.runUntil(BEGINNING_MS + 1_000);
    expect(seen.filter((line) => line.includes("done"))).toEqual([
      ...["1 done 100", "0 done 150", "2 done 150", "3 done 150", "4 done 150"],
    ]);
    expect(worker.hits).toBe(1);
  });

  test("that dies cuts what it has and takes nothing more", () => {
    const { agenda, worker, give, seen } = aWorker(1);
    give(aJob(1));
    give(aJob(2));
    worker.die({ tells: true });
    expect(give(aJob(3))).toBe(false);
    agenda.runUntil(BEGINNING_MS + 1_000);
    expect(seen).toEqual(["1 began 0", "1 cut", "2 cut"]);
  });

  test("lets go of a request whose caller left", () => {
    const { agenda, worker, give, seen } = aWorker(1);
    const first = aJob(1);
    give(first);
    give(aJob(2));
    worker.drop(first);
    agenda.runUntil(BEGINNING_MS + 1_000);
    expect(seen).toEqual(["1 began 0", "2 began 0", "2 done 100"]);
  });
});

describe("the references", () => {
  test("the central queue starts each request at the first moment at which a slot is free", () => {
    const jobs = [
      [0, 10],
      [1, 10],
      [2, 5],
      [3, 1],
    ].map(([arrivesMs = 0, serviceMs = 0], index) => ({
      index,
      arrivesMs,
      serviceMs,
      prefix: -1,
      session: 0,
      hangsUpMs: Number.POSITIVE_INFINITY,
    }));
    expect([...centralWaits(jobs, 2)]).toEqual([0, 0, 8, 8]);
    expect([...centralWaits(jobs, 1)]).toEqual([0, 9, 18, 22]);
  });

  test("one server with exponential service waits as the books say", () => {
    // M/M/1 at load 0.5: the mean wait is the mean service.
    const random = randomFrom(3);
    let arrivesMs = 0;
    const jobs = Array.from({ length: 200_000 }, (_, index) => {
      arrivesMs += random.exponential(2);
      return {
        index,
        arrivesMs,
        serviceMs: random.exponential(1),
        prefix: -1,
        session: 0,
        hangsUpMs: Number.POSITIVE_INFINITY,
      };
    });
    const waits = centralWaits(jobs, 1);
    expect(waits.reduce((sum, wait) => sum + wait, 0) / waits.length).toBeCloseTo(1, 1);
  });

  test("the best hit rate misses the first of each beginning only", () => {
    const options = { requests: 100, everyMs: 1, serviceMeanMs: 1, serviceSigma: 1, sessions: 1, hangUps: 0 };
    const prompts = { prefixes: 4, skew: 0, prefillMs: 0, remembers: 1 };
    expect(bestHitRate(workloadOf(randomFrom(1), { ...options, prompts }))).toBe(0.96);
  });
});

describe("figures", () => {
  test("of waits leave out the warm-up and those that were never served", () => {
    const waits = Float64Array.from([99, 99, Number.NaN, 1, 2, 3]);
    expect(waitsOf(waits, 2)).toEqual({ wait_mean_ms: 2, wait_p50_ms: 2, wait_p99_ms: 3, wait_max_ms: 3 });
  });

  test("of evenness are 1 where all got the same", () => {
    expect(evenness([3, 3, 3])).toEqual({ busiest_over_mean: 1, fairness: 1 });
    expect(evenness([4, 0, 0, 0])).toEqual({ busiest_over_mean: 4, fairness: 0.25 });
    expect(evenness([0, 0])).toEqual({ busiest_over_mean: 1, fairness: 1 });
  });
});
