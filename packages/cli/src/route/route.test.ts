import {
  type Candidate,
  ClientError,
  type ExplainRequest,
  type Explanation,
  type HiveWorker,
  type RouteReply,
} from "@hive-registry/client";
import { describe, expect, test } from "vitest";
import { aModel, aPage, NOW_MS, on } from "../testing/fakes.ts";
import { RULES, why } from "./candidates.ts";
import { type RouteFlags, route } from "./route.ts";

const aCandidate = (more: Partial<Candidate> = {}): Candidate => ({
  ...{ hive_id: "h", worker_id: "w", url: "http://10.0.0.5:9300", model: "m", score: 25, load: 0.25 },
  ...{ requests: 1, slots: 4, ...more },
});

function anExplanation(candidates: readonly Candidate[], more: Partial<Explanation> = {}): Explanation {
  const chosen = candidates.find(({ reason }) => reason === undefined);
  return {
    ...{ policy: "best", model: "m", resolved: candidates.length > 0 ? ["m"] : [], candidates, left_out: 0 },
    ...(chosen === undefined ? {} : { chosen: { hive_id: "h", worker_id: chosen.worker_id, model: chosen.model } }),
    ...more,
  };
}

/** `hive route MODEL`, and what a queen that explains so would make of it. */
async function asked(
  explanation: Explanation,
  flags: RouteFlags = {},
  fleet: { readonly workers?: readonly HiveWorker[]; readonly free?: RouteReply; readonly models?: string[] } = {},
) {
  const page = aPage();
  const requests: ExplainRequest[] = [];
  const client = {
    explain: async (request: ExplainRequest) => {
      requests.push(request);
      return explanation;
    },
    route: async () => {
      if (fleet.free === undefined) throw new ClientError("NO_WORKER", "none", { status: 503, server: "queen" });
      return fleet.free;
    },
    hiveWorkers: async () => (fleet.workers ?? []).map(({ worker }) => worker),
    models: async () => (fleet.models ?? []).map((model) => aModel(model)),
  };
  const exit = await route({ ...page, client }, explanation.model, flags);
  return { exit, requests, out: page.text(), first: page.out[0], err: page.err.join() };
}

describe("hive route", () => {
  const best = aCandidate({ worker_id: "best" });
  const second = aCandidate({ worker_id: "second", score: 62.5, load: 0.5, requests: 2, reason: "outscored" });
  const { score: _, ...unscored } = aCandidate({ worker_id: "third", load: 1, requests: 4, reason: "no_room" });

  test("names the queen's choice, then the others with their scores and why they lost", async () => {
    const { exit, first, out } = await asked(anExplanation([best, second, unscored]));
    expect([exit, first]).toEqual([0, "best on h serves m: http://10.0.0.5:9300\n"]);
    expect(out).toMatch(
      /→ {2}best +h +m +25 {2}chosen\n {3}second +h +m +62\.5 {2}outscored\n {3}third .* - {2}full: 4 of 4/,
    );
    expect(out).toContain("best: the lowest score wins");
    expect(out).not.toContain("LOAD");
  });

  test("with --explain it also tells how full each one is", async () => {
    const { out } = await asked(anExplanation([best, second]), { explain: true });
    expect(out).toMatch(/SCORE +LOAD +REQUESTS +SLOTS +WHY\n→ .* 25 % +1 +4 {2}chosen\n/);
  });

  test("asks what the flags say", async () => {
    const flags = { policy: "session", backend: "cuda", hive: "desk", session: "ada", exclude: ["w1"] } as const;
    const { requests } = await asked(anExplanation([best]), { ...flags, label: ["zone=eu", "note=a=b"] });
    expect(requests).toEqual([
      {
        ...{ model: "m", policy: "session", backend: "cuda", hive_id: "desk", session: "ada", exclude: ["w1"] },
        labels: { zone: "eu", note: "a=b" },
      },
    ]);
  });

  test("says under which other name the worker knows the model", async () => {
    const explanation = anExplanation([aCandidate({ model: "m-Q8_0" })], { model: "Org/M" });
    expect((await asked(explanation)).first).toContain("w on h serves Org/M, which it calls m-Q8_0: http");
  });

  test("a free worker without the model is called what it is, and only where no certain kind was wanted", async () => {
    const free = { ...on("h", { worker_id: "free", model_id: "x" }), model_loaded: false };
    const { exit, first, err } = await asked(anExplanation([]), {}, { free });
    expect([exit, first]).toEqual([0, "free on h serves m: http://10.0.0.5:9300\n"]);
    expect(err).toContain("does not have m loaded");
    expect(await asked(anExplanation([]), { backend: "cuda" }, { free, models: ["x"] })).toMatchObject({ exit: 1 });
  });

  test("nobody: exit 1, and what to do", async () => {
    const busy = await asked(anExplanation([unscored]));
    expect([busy.exit, busy.err]).toEqual([1, expect.stringContaining("No worker can take m now. Those that have it")]);
    expect(busy.out).toContain("full: 4 of 4");
    expect((await asked(anExplanation([]))).err).toContain("hive worker start");
    const others = await asked(anExplanation([]), {}, { models: ["a", "b"] });
    expect(others.err).toContain("There are 2 models: `hive models` lists them");
  });

  test("--json has the worker and the losers; with --explain what the queen said, unchanged", async () => {
    const explanation = anExplanation([best, second]);
    const worker = on("h", { worker_id: "best", model_id: "m" });
    const plain = await asked(explanation, { json: true }, { workers: [worker] });
    expect(JSON.parse(plain.out)).toEqual({ model: "m", ...worker, model_loaded: true, losers: [second] });
    expect(JSON.parse((await asked(explanation, { json: true, explain: true })).out)).toEqual(explanation);
    const nobody = await asked(anExplanation([]), { json: true });
    expect([nobody.exit, JSON.parse(nobody.out)]).toEqual([
      1,
      { model: "m", hive_id: null, worker: null, model_loaded: false, losers: [] },
    ]);
  });

  test("of many candidates the best are shown, and how many more there are", async () => {
    const many = Array.from({ length: 30 }, (_, at) =>
      aCandidate({ worker_id: `w${at}`, ...(at === 0 ? {} : { reason: "outscored" as const }) }),
    );
    expect((await asked(anExplanation(many))).out).toContain("… and 10 more (--json has them)\n");
    expect((await asked(anExplanation(many, { left_out: 970 }))).out).toContain("… and 980 more\n");
  });

  test("a refusal that is no lack of workers is thrown", async () => {
    const refused = () => Promise.reject(new ClientError("UNAUTHENTICATED", "no"));
    const client = { explain: async () => anExplanation([]), route: refused, hiveWorkers: refused, models: refused };
    await expect(route({ ...aPage(), client }, "m", {})).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });
});

describe("why a worker was not chosen", () => {
  test.each<[string, Partial<Candidate>]>([
    ["chosen", {}],
    ["chosen, degraded", { degraded: true }],
    ["busy", { reason: "no_room", slots: 0, requests: 1 }],
    ["full: 5 of 4", { reason: "no_room", slots: 4, requests: 5 }],
    ["failed; tried again in 3 s", { reason: "set_aside", set_aside_until_ms: NOW_MS + 2_100 }],
    ["failed; is being tried again", { reason: "set_aside", set_aside_until_ms: NOW_MS - 1 }],
    ["its hive is silent", { reason: "hive_silent" }],
  ])("%s", (words, more) => {
    expect(why(aCandidate(more), NOW_MS)).toBe(words);
  });

  test("every policy says what its score is", () => {
    for (const rule of Object.values(RULES)) expect(rule).toMatch(/wins: .*\.$/);
  });
});
