import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HiveAgentClient, HiveClient } from "@hive-registry/client";
import { onTestFinished } from "vitest";
import { eventually } from "./eventually.ts";
import { commandOf, gone, pidsWith, type Ran, type Started, startNode } from "./processes.ts";

export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** The programs as they are installed: compiled. */
export const PROGRAM = {
  hive: join(ROOT, "packages/cli/dist/main.js"),
  queen: join(ROOT, "packages/queen/dist/main.js"),
  agent: join(ROOT, "packages/hive/dist/main.js"),
} as const;

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** A fresh machine, as far as the programs can tell: home and state of its own, no settings, and an end. */
export class Workplace {
  readonly root: string;
  /** Where programs put what they keep when nobody says otherwise. */
  readonly stateDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #mark: string;

  constructor() {
    this.root = mkdtempSync(join(tmpdir(), "hive-test-"));
    const state = join(this.root, "state");
    this.stateDir = join(state, "hive");
    this.#mark = `XDG_STATE_HOME=${state}`;
    mkdirSync(join(this.root, "config"));
    const outside = Object.entries(process.env).filter(([name]) => !/^(HIVE_|VITEST|NODE_OPTIONS$)/.test(name));
    this.env = {
      ...Object.fromEntries(outside),
      HOME: this.root,
      XDG_STATE_HOME: state,
      XDG_CONFIG_HOME: join(this.root, "config"),
      HIVE_WORKER_PORT_START: "0",
      // Servers of other tests run on the same machine.
      HIVE_DISCOVER: "false",
      NO_COLOR: "1",
    };
  }

  /** Runs the `hive` command to its end. */
  hive(...args: readonly string[]): Promise<Ran> {
    return this.run(PROGRAM.hive, args);
  }

  async run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const started = this.start(program, args, options);
    const { code } = await started.exited;
    return { code, stdout: started.stdout(), stderr: started.stderr() };
  }

  start(program: string, args: readonly string[], { env, input }: RunOptions = {}): Started {
    return startNode({
      args: [program, ...args],
      env: { ...this.env, ...env },
      cwd: this.root,
      ...(input === undefined ? {} : { input }),
    });
  }

  /** A queen alone, ready. */
  async queen(args: readonly string[] = [], options: RunOptions & { readonly token?: string } = {}): Promise<AQueen> {
    const started = this.start(PROGRAM.queen, ["--port", "0", ...args], options);
    const url = (await started.says(/^listening on (\S+)$/m))[1] as string;
    return { ...started, url, client: new HiveClient({ baseUrl: url, token: options.token }) };
  }

  /** An agent alone, ready. It serves the demonstration model unless told otherwise. */
  async agent(
    queenUrl: string,
    args: readonly string[] = [],
    options: RunOptions & { readonly token?: string } = {},
  ): Promise<AnAgent> {
    const started = this.start(PROGRAM.agent, ["--queen", queenUrl, "--port", "0", ...args], options);
    const url = (await started.says(/^listening on (\S+)$/m))[1] as string;
    return { ...started, url, client: new HiveAgentClient({ baseUrl: url, token: options.token }) };
  }

  /** A file of this workplace. */
  file(name: string, content: string | Uint8Array, mode = 0o600): string {
    const path = join(this.root, name);
    writeFileSync(path, content, { mode });
    return path;
  }

  /** All processes that were started here, directly or by others. */
  pids(): number[] {
    return pidsWith(this.#mark);
  }

  /** The words of each process that was started here and still runs. */
  running(): string[] {
    return this.pids().map(commandOf);
  }

  /** Waits until nothing runs here any more. */
  async isEmpty(): Promise<void> {
    try {
      await eventually("an empty workplace", () => this.pids().length === 0);
    } catch (error) {
      throw new Error(`still there: ${this.running().join("\n")}`, { cause: error });
    }
  }

  /** Ends whatever still runs here, and removes all files. */
  async end(): Promise<void> {
    // Again until none is left: one may start another before it ends itself.
    for (let pids = this.pids(); pids.length > 0; pids = this.pids()) {
      for (const pid of pids) endNow(pid);
      await gone(...pids);
    }
    rmSync(this.root, { recursive: true, force: true });
  }
}

export interface AQueen extends Started {
  readonly url: string;
  readonly client: HiveClient;
}

export interface AnAgent extends Started {
  readonly url: string;
  readonly client: HiveAgentClient;
}

/** A workplace that ends with the test, however the test ends. */
export function aWorkplace(): Workplace {
  const workplace = new Workplace();
  onTestFinished(() => workplace.end());
  return workplace;
}

/** A port that is free and that the system does not hand out by itself, so that it stays free for a restart. */
export async function aSteadyPort(): Promise<number> {
  return eventually("a free port", async () => {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    return (await isFree(port)) ? port : undefined;
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function endNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}
