import type { FakeFleet, FakeFleetOptions, Fault, FaultScope } from "@hive-registry/simulation";
import { expect, test } from "vitest";
import { CommandError } from "../failure.ts";
import { aPage, type Page } from "../testing/fakes.ts";
import { type SimulateFlags, simulate } from "./fleet.ts";
import type { TrafficOptions } from "./traffic.ts";

const FLAGS: SimulateFlags = {
  ...{ hives: 2, workers: 2, slots: 4, seed: 1, tokensPerSecond: 40, answerTokens: 40, faultShare: 0.1, requests: 0 },
};
const OPTIONS = { queenUrl: "http://queen", token: "s3cret", command: "hive" };
const COUNTS = { received: 5, running: 0, waiting: 0, completed: 4, refused: 1, aborted: 0, died: 0 };

interface Story {
  readonly page: Page;
  readonly started: FakeFleetOptions[];
  readonly faults: (readonly [Fault, FaultScope | undefined])[];
  readonly traffic: TrafficOptions[];
  readonly stopped: string[];
  /** Looks at the fleet until Ctrl-C. */
  looks: number;
  interruptEnded: boolean;
  run(flags?: Partial<SimulateFlags>): Promise<void>;
}

function aStory({ ctrlCAfter = 2, queenIsAway = false, isRefused = false } = {}): Story {
  const page = aPage();
  const interrupt = new AbortController();
  const story: Story = {
    ...{ page, started: [], faults: [], traffic: [], stopped: [], looks: 0, interruptEnded: false },
    run: (flags) => {
      const worker = {
        counts: () => COUNTS,
        setFault: (fault: Fault, scope?: FaultScope) => void story.faults.push([fault, scope]),
      };
      const fleet = {
        hives: [{ beats: 3 }],
        workers: [worker, worker],
        stop: async () => void story.stopped.push("fleet"),
      } as unknown as FakeFleet;
      const counts = { sent: 9, answered: 7, failed: 1, unserved: 1, held_back: 0, wait_mean_ms: 12.4 };
      return simulate(
        {
          ...page,
          client: {
            stats: async () => {
              if (queenIsAway) throw new Error("away");
              return {} as never;
            },
          },
          startFleet: async (options) => {
            if (isRefused) throw new Error("too many");
            story.started.push(options);
            return fleet;
          },
          startTraffic: (options) => {
            story.traffic.push(options);
            return { counts: () => counts, stop: async () => void story.stopped.push("traffic") };
          },
          pause: async () => {
            if (++story.looks >= ctrlCAfter) interrupt.abort();
          },
          interruptible: () => ({
            signal: interrupt.signal,
            end: () => {
              story.interruptEnded = true;
            },
          }),
        },
        { ...FLAGS, ...flags },
        OPTIONS,
      );
    },
  };
  return story;
}

test("it says what runs, what to try, and at Ctrl-C what came of it, after the hives' goodbye", async () => {
  const story = aStory();
  await story.run();
  expect(story.started).toMatchObject([{ queenUrl: "http://queen", token: "s3cret", hives: 2, workers: 2, seed: 1 }]);
  expect(story.page.err).toEqual(["2 fake hives with 2 workers each beat to http://queen"]);
  expect(story.page.text()).toContain("hive chat fake-model");
  expect(story.page.text()).toContain("Ctrl-C ends it.");
  expect(story.stopped[0]).toBe("fleet");
  expect(story.page.out.at(-1)).toBe(
    "The fake hives said goodbye. 3 heartbeats; 10 requests: 8 answered, 0 running, 2 refused.\n",
  );
});

test("with --seconds it ends by itself", async () => {
  const story = aStory({ ctrlCAfter: 100 });
  await story.run({ seconds: 3 });
  expect(story.looks).toBe(3);
  expect(story.stopped).toContain("fleet");
});

test("faults are dealt to the workers in turn, and told of", async () => {
  const story = aStory();
  await story.run({ fault: ["die", "hang"], faultShare: 0.25 });
  expect(story.faults).toEqual([
    [{ kind: "die", after_tokens: 4 }, { share: 0.25 }],
    [{ kind: "hang" }, { share: 0.25 }],
  ]);
  expect(story.page.err).toContain("of the requests to worker 2 of each 2 25 % never answer");
});

test.each<Partial<SimulateFlags>>([
  { fault: ["die"], faultShare: 0 },
  { fault: ["die"], faultShare: 1.5 },
  { hives: 0 },
  { slots: 0 },
  { tokensPerSecond: 0 },
  { requests: 1_001 },
])("what makes no sense is refused before anything is started: %j", async (flags) => {
  const story = aStory();
  await expect(story.run(flags)).rejects.toThrow(CommandError);
  expect(story.started).toEqual([]);
});

test("when the fleet cannot be started nothing is left running", async () => {
  const story = aStory({ isRefused: true });
  await expect(story.run()).rejects.toThrow("too many");
  expect(story.interruptEnded).toBe(true);
});

test("with --requests clients ask, and are told of in the end", async () => {
  const story = aStory();
  await story.run({ requests: 20, model: ["a", "b"] });
  expect(story.traffic).toEqual([{ models: ["a", "b"], perSecond: 20, seed: 1 }]);
  expect(story.stopped.slice(0, 2)).toEqual(["traffic", "fleet"]);
  expect(story.page.out.at(-1)).toContain("9 asked, 7 answered after a mean wait of 12 ms for a place, 1 failed");
});

test("where no queen answers nothing is started", async () => {
  const story = aStory({ queenIsAway: true });
  await expect(story.run()).rejects.toThrow("away");
  expect(story.started).toEqual([]);
});
