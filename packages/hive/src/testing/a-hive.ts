import { onTestFinished } from "vitest";
import { type HiveDeps, type HiveOptions, type RunningHive, startHive } from "../agent.ts";
import { noFiles } from "../devices/files.ts";
import { aFolder, aModel, fakeEngine, type Play } from "../workers/testing/fake-worker.ts";
import { aLog } from "./silent-log.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a story looks at what it expects, the assertion tells if it is not there
  readonly json: any;
}

export interface HiveStory {
  readonly hive: RunningHive;
  readonly dir: string;
  readonly messages: (level?: string) => string[];
  /** Asks the hive's API. A body is sent as JSON. */
  ask(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** A model file that tells the fake worker what to play. */
  model(play?: Play, name?: string): string;
}

/** Never answers: most stories are not about queens. */
const NO_QUEEN = "http://127.0.0.1:1";

/** A hive with fake workers in a folder of its own, on a free port; ended with the test. */
export async function aHive(options: Partial<HiveOptions> = {}, deps: Partial<HiveDeps> = {}): Promise<HiveStory> {
  const dir = options.stateDir ?? aFolder();
  const { log, messages } = aLog();
  const hive = await startHive(
    // What the tests run on is no part of the stories.
    { log, engines: [fakeEngine()], files: noFiles, ...deps },
    {
      queens: [NO_QUEEN],
      id: "desk",
      port: 0,
      listen: "127.0.0.1",
      advertise: undefined,
      stateDir: dir,
      tokenFile: undefined,
      fleetTokenSha256: undefined,
      token: undefined,
      models: [],
      demo: false,
      modelsDir: dir,
      workerPortStart: 0,
      nvidiaSmi: "/nowhere/nvidia-smi",
      // Of other tests that run beside it.
      discover: false,
      servers: [],
      probeIntervalMs: 1_000,
      labels: {},
      logLevel: "silent",
      samplePeriodMs: 1_000,
      stopGraceMs: 5_000,
      ...options,
    },
  );
  onTestFinished(() => hive.stop());
  return {
    ...{ hive, dir, messages },
    ask: (method, path, body, headers) => ask(hive.url, method, path, body, headers),
    model: (play, name) => aModel(dir, play, name),
  };
}

export async function ask(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
}
