/** Discovery among servers, sockets and processes that a story makes up. */
import { FakeClock } from "../../testing/fake-clock.ts";
import { aLog } from "../../testing/silent-log.ts";
import type { Probe, Server, ServerEngine } from "../../workers/engines/server-engine.ts";
import { Discovery, type DiscoveryOptions } from "../discovery.ts";
import type { Listener } from "../listener.ts";

export const aProbe = (part: Partial<Probe> = {}): Probe => ({
  state: "ready",
  models: [{ id: "m", loaded: true }],
  slots_total: 4,
  slots_busy: 0,
  queue_depth: 0,
  kv_cache_percent: null,
  version: null,
  ...part,
});

/** A server that a story made up, by its port. */
export interface Played {
  engine: string;
  probe: Probe | undefined;
  /** Why it does not answer. */
  failure?: string;
}

export interface DiscoveryStory {
  readonly discovery: Discovery;
  readonly clock: FakeClock;
  /** What listens. */
  readonly listeners: Listener[];
  /** What answers, by URL. */
  readonly servers: Map<string, Played>;
  /** Parent by pid; only processes in here live. */
  readonly processes: Map<number, { readonly parent: number; readonly words?: readonly string[]; start?: number }>;
  readonly own: { ports: Set<number>; pids: Set<number>; announced: Set<number> };
  readonly log: ReturnType<typeof aLog>;
  /** How often each URL was tried to be recognised, and probed. */
  readonly asked: { readonly recognised: string[]; readonly probed: string[] };
  /** Recognitions that went on at once, at most. */
  atOnce(): number;
  changes(): number;
  /** Starts a server in a process of its own. */
  serve(
    port: number,
    engine: string,
    part?: Partial<Omit<Listener, "pid">> & {
      /** `undefined`: it cannot be seen. */
      readonly pid?: number | undefined;
      readonly parent?: number;
      readonly probe?: Partial<Probe>;
    },
  ): Played;
  /** Lets time pass, and what follows from it happen. */
  pass(ms: number): Promise<void>;
  /** `ollama-11434 vllm-8000`, sorted. */
  seen(): string[];
}

const STEP_MS = 50;
const TURNS = 12;

export function aDiscovery(options: Partial<DiscoveryOptions> = {}): DiscoveryStory {
  const clock = new FakeClock();
  const log = aLog();
  const listeners: Listener[] = [];
  const servers: DiscoveryStory["servers"] = new Map();
  const processes: DiscoveryStory["processes"] = new Map();
  const own = { ports: new Set<number>(), pids: new Set<number>(), announced: new Set<number>() };
  const asked = { recognised: [] as string[], probed: [] as string[] };
  let [changes, atOnce, atOnceMost, nextPid] = [0, 0, 0, 1_000];
  const engineOf = (name: string): ServerEngine => ({
    name,
    recognises: async () => true,
    probe: async ({ url }) => {
      asked.probed.push(url);
      return servers.get(url)?.probe;
    },
  });
  const discovery = new Discovery(
    {
      ...{ clock, log: log.log },
      listeners: { everyMs: 500, list: async (wants) => listeners.filter(({ port }) => wants(port)), doubt: () => {} },
      processes: {
        lifeOf: (pid) => {
          const before = processes.get(pid);
          return (
            before && {
              lives: () => processes.has(pid) && processes.get(pid)?.start === before.start,
              release: () => {},
            }
          );
        },
        wordsOf: async (pid) => processes.get(pid)?.words ?? [],
        async ancestorsOf(pid) {
          const found: number[] = [];
          for (let one = processes.get(pid)?.parent; one !== undefined && one > 1; one = processes.get(one)?.parent) {
            found.push(one);
          }
          return found;
        },
      },
      engines: ["ollama", "vllm", "openai-compatible"].map(engineOf),
      recognise: async ({ url }: Server) => {
        asked.recognised.push(url);
        atOnceMost = Math.max(atOnceMost, ++atOnce);
        await Promise.resolve();
        atOnce--;
        const played = servers.get(url);
        return played?.probe === undefined ? undefined : engineOf(played.engine);
      },
      connect: (url) => ({
        url,
        get: async () => undefined,
        get failure() {
          return servers.get(url)?.failure ?? (servers.has(url) ? undefined : "ECONNREFUSED");
        },
        close: () => {},
      }),
      isHere: (host) => /^(?:127\.|localhost$)/.test(host),
      ownPorts: () => own.ports,
      ownPids: () => own.pids,
      announcedPorts: () => own.announced,
      onChange: () => void changes++,
    },
    { discover: true, configured: [], ...options },
  );
  return {
    ...{ discovery, clock, listeners, servers, processes, own, log, asked },
    atOnce: () => atOnceMost,
    changes: () => changes,
    serve(port, engine, { parent = 1, probe, ...part } = {}) {
      const pid = "pid" in part ? part.pid : nextPid++;
      if (pid !== undefined && !processes.has(pid)) processes.set(pid, { parent });
      const { pid: _pid, ...rest } = part;
      listeners.push({ address: "127.0.0.1", port, ...rest, ...(pid !== undefined && { pid }) });
      const played: Played = { engine, probe: aProbe(probe) };
      servers.set(`http://127.0.0.1:${port}`, played);
      return played;
    },
    async pass(ms) {
      for (let passed = 0; passed < ms; passed += STEP_MS) {
        clock.advance(STEP_MS);
        for (let turn = 0; turn < TURNS; turn++) await Promise.resolve();
      }
      await new Promise((resolve) => setImmediate(resolve));
    },
    seen: () =>
      discovery
        .list()
        .map(({ worker_id }) => worker_id)
        .sort(),
  };
}
