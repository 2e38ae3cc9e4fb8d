import { OUTCOMES } from "hive-registry";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { openCatalog, startHeartbeatWriter } from "../catalog/index.ts";
import { Queen } from "../core/queen.ts";
import { aHeartbeat, aWorker } from "../testing/a-queen.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { ENDINGS } from "./endings.ts";
import { Gateway } from "./gateway.ts";
import { DEFAULT_GATEWAY_LIMITS } from "./limits.ts";
import { type InferencePath, inferencePath } from "./paths.ts";
import { aGateway } from "./testing/a-gateway.ts";
import { type Answer, aFakeWorker, refusing, saying } from "./testing/fake-worker.ts";
import { FakeClient, FakeWorkers } from "./testing/fake-world.ts";
import { aChance, type Chance } from "./testing/random.ts";

const HIVES = 6;
const WORKERS = 4;
const SLOTS = 4;
const MODELS = ["llama3:latest", "qwen", "org/Phi-4-GGUF"];
const NAMES = [...MODELS, "llama3", "Qwen.gguf", "fast", "nobody-has-it"];
const CHAT = inferencePath("/v1/chat/completions") as InferencePath;
const TURBULENCE_MS = 2_000;

/** Hives, workers, a queen and its gateway, on one clock and from one seed. */
function aWorld(seed: number) {
  const clock = new FakeClock();
  const chance = aChance(seed);
  const log = pino({ level: "silent" });
  const catalog = openCatalog({ kind: "memory" });
  const writer = startHeartbeatWriter({ catalog, every: clock.every, log });
  const aliases = { fast: ["qwen", "phi-4"] };
  const queen = new Queen({ clock, catalog, writer }, { aliases, line: { perModel: 40, total: 100 } });
  const transport = new FakeWorkers({ clock, chance });
  const limits = { ...DEFAULT_GATEWAY_LIMITS, queueWaitMs: 3_000, firstByteMs: 2_000, idleMs: 1_000, keepAliveMs: 500 };
  const gateway = new Gateway(
    { queen, transport, log, guard: () => undefined, nextRequestId: () => "r" },
    { limits, aliases, policy: "best", token: undefined },
  );
  const hives = Array.from({ length: HIVES }, (_, at) => aHive({ at, queen, transport, clock, chance }));
  return { clock, chance, queen, gateway, transport, hives };
}

/** A machine that beats, falls silent, comes back, and loses workers. */
function aHive(deps: { at: number; queen: Queen; transport: FakeWorkers; clock: FakeClock; chance: Chance }) {
  const { at, queen, transport, clock, chance } = deps;
  const hive_id = `hive-${at}`;
  const origins = Array.from({ length: WORKERS }, (_, one) => `http://10.0.${at}.${one}:80`);
  let boot = 0;
  let seq = 0;
  let isSilent = false;
  const beat = () => {
    if (isSilent) return;
    const workers = origins
      .filter(() => boot === 0 || !chance.percent(1))
      .map((url, one) =>
        aWorker({
          ...{ worker_id: `worker-${one}`, url, model_id: MODELS[(at + one) % MODELS.length] as string },
          ...{
            slots_total: SLOTS,
            slots_busy: Math.min(SLOTS, transport.runningAt(url)),
            gpu_percent: chance.below(100),
          },
          draining: chance.percent(2),
        }),
      );
    queen.receiveHeartbeat(aHeartbeat({ hive_id, boot_id: `boot-${boot}`, seq: ++seq, interval_ms: 5_000, workers }));
  };
  clock.every(1_000 + at, beat);
  return {
    beat,
    kill: () => transport.kill(chance.pick(origins)),
    /** Nobody hears of it again for a while, and nothing that it had is ever answered. */
    vanish() {
      isSilent = true;
      for (const origin of origins) transport.silence(origin);
    },
    comeBack() {
      if (!isSilent) return;
      isSilent = false;
      boot++;
      for (const origin of origins) transport.revive(origin);
      beat();
    },
  };
}

test("after a hundred thousand requests that end in every way there is, nothing is counted that is not there", () => {
  const { clock, chance, queen, gateway, transport, hives } = aWorld(20_261_123);
  for (const hive of hives) hive.beat();
  clock.advance(6_000);
  clock.every(TURBULENCE_MS, () => {
    const hive = chance.pick(hives);
    const what = chance.below(4);
    if (what === 0) hive.kill();
    else if (what === 1) hive.vanish();
    else for (const one of hives) one.comeBack();
  });
  const carried = (reservationId: string) => queen.release(reservationId, chance.pick(OUTCOMES));
  const clients: FakeClient[] = [];
  const seen = { inFlight: 0, queued: 0, reserved: 0 };
  for (let request = 0; request < 100_000; request++) {
    const client = new FakeClient({ clock, chance, carried });
    clients.push(client);
    const body = Buffer.from(JSON.stringify({ model: chance.pick(NAMES), stream: chance.percent(50) }));
    const headers: Record<string, string> = chance.percent(3)
      ? { "x-hive-direct": chance.pick(["redirect", "x-accel"]) }
      : chance.percent(5)
        ? { "x-hive-worker": `hive-${chance.below(HIVES)}/worker-${chance.below(WORKERS)}` }
        : {};
    gateway.ask(CHAT, { target: CHAT.path, headers, rawHeaders: [] }, body, client, []);
    if (chance.percent(15)) clock.after(chance.below(400), () => client.hangUp());
    clock.advance(chance.below(6));
    seen.inFlight = Math.max(seen.inFlight, gateway.stats.in_flight);
    seen.queued = Math.max(seen.queued, queen.line.length);
    seen.reserved = Math.max(seen.reserved, queen.registry.reservationCount());
    if (seen.reserved > HIVES * WORKERS * SLOTS * 2) throw new Error("more is reserved than there is");
  }
  // Long enough for every limit of the gateway, and short of the time after which a forgotten place is free by itself.
  for (const hive of hives) hive.comeBack();
  clock.advance(60_000);

  expect(seen.queued).toBeGreaterThan(50);
  expect(seen.inFlight).toBeGreaterThan(50);
  expect(gateway.stats).toMatchObject({ in_flight: 0, body_bytes: 0 });
  expect(queen.line.length).toBe(0);
  expect(queen.registry.reservationCount()).toBe(0);
  expect(transport.running).toBe(0);
  expect(clients.filter(({ endings }) => endings !== 1)).toEqual([]);
  const endings = gateway.stats.endings.get(CHAT.path) as Record<string, number>;
  expect(Object.values(endings).reduce((sum, count) => sum + count, 0)).toBe(clients.length);
  // The story had all of it in it, and the law is not empty.
  for (const ending of ENDINGS.filter((one) => one !== "refused"))
    expect([ending, endings[ending]]).not.toEqual([ending, 0]);
  const { failovers_total, broken_total, failed_tries_total } = gateway.stats;
  for (const count of [failovers_total, broken_total, failed_tries_total]) expect(count).toBeGreaterThan(100);
}, 120_000);

describe("on real sockets", () => {
  const FAULTS: readonly Answer[] = [
    refusing(503, { error: "busy" }),
    refusing(404, { error: "not here" }),
    refusing(400, { error: "no" }),
    ({ response }) => response.socket?.resetAndDestroy(),
    ({ response }) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n", () => response.socket?.resetAndDestroy());
    },
  ];

  test("thousands of requests, with clients that leave and workers that fail, leave nothing behind either", async () => {
    const chance = aChance(7);
    const answer: Answer = (got) => {
      if (chance.percent(1)) chance.pick(FAULTS)(got);
      else if (chance.percent(30)) setTimeout(() => saying("late")(got), chance.below(15));
      else saying("hello")(got);
    };
    const workers = await Promise.all(Array.from({ length: 4 }, () => aFakeWorker(answer)));
    const gateway = await aGateway({ queueWaitMs: 2_000 });
    const report = () => gateway.report(workers.map(({ url }) => ({ url, slots_total: 4 })));
    report();
    let left = 3_000;
    const ask = async (): Promise<void> => {
      while (left-- > 0) {
        const client = new AbortController();
        if (chance.percent(20)) setTimeout(() => client.abort(), chance.below(10));
        if (chance.percent(2)) report();
        await gateway
          .chat({ stream: chance.percent(50) }, { signal: client.signal })
          .then((reply) => reply.text())
          .catch(() => undefined);
      }
    };
    await Promise.all(Array.from({ length: 24 }, ask));
    await expect.poll(() => gateway.running.gateway.stats).toMatchObject({ in_flight: 0, body_bytes: 0 });
    expect(gateway.stats()).toMatchObject({ requests: { in_flight: 0, queued: 0 }, reservations: { active: 0 } });
  }, 120_000);
});
