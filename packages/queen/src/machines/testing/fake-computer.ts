import { createHash } from "node:crypto";
import { HiveError } from "@hive-registry/contract";
import type { HiveSettings, Installed, Machine, Preflight, StartedHive, Waiting } from "@hive-registry/lifecycle";

export type Call = Exclude<keyof Machine, "close">;

/** What becomes of the next call of that name. `cut`: the connection ends; `hang`: it goes on until it is given up. */
export interface Trouble {
  readonly at: Call;
  /** Before anything was done, or once all was done but the answer. */
  readonly when: "before" | "after";
  readonly what: "cut" | "hang";
}

/** A computer with an account that can be reached, and the one hive that may be installed there. */
export class FakeComputer {
  /** What is brought to it. */
  version = "1.0.0-aaa";
  installed: string | undefined;
  current: string | undefined;
  previous: string | undefined;
  settings: Omit<HiveSettings, "join_token"> | undefined;
  token: string | undefined;
  running: string | undefined;
  boots = 0;
  connections = 0;
  most_connections = 0;
  readonly calls: string[] = [];
  trouble: Trouble | undefined;
  found: Partial<Preflight> = {};
  /** Told of each hive that starts. */
  onBoot: (boot: { readonly boot_id: string; readonly version: string }) => void = () => {};
  #wake: () => void = () => {};

  /** Resolves when a call hangs. */
  hangs(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** A connection to it, as {@link Machine}. */
  open(): Machine {
    let isOpen = false;
    const step =
      <Args extends readonly unknown[], T>(at: Call, act: (...args: Args) => T) =>
      async (...args: readonly [...Args, Waiting?]): Promise<T> => {
        const signal = (args.at(-1) as Waiting | undefined)?.signal;
        this.calls.push(at);
        if (at !== "resolve" && !isOpen) {
          isOpen = true;
          this.most_connections = Math.max(this.most_connections, ++this.connections);
        }
        await this.#meet(at, "before", signal);
        const answer = act(...(args as unknown as Args));
        await this.#meet(at, "after", signal);
        return answer;
      };
    return {
      resolve: step("resolve", () => ({ hostname: "10.0.0.9", port: 2222, user: "ada" })),
      connect: step("connect", () => undefined),
      offered: async () => this.version,
      preflight: step("preflight", (_options: unknown) => this.#preflight()),
      install: step("install", (_found: unknown, _options: unknown) => {
        const line = this.installed === this.version ? "nothing to do" : `${this.version} brought`;
        this.installed = this.version;
        return line;
      }),
      start: step("start", (settings: HiveSettings) => this.#start(settings)),
      startAgain: step("startAgain", () => this.#boot()),
      stop: step("stop", () => this.#stop()),
      check: step("check", () => `${this.installed} would run`),
      rollBack: step("rollBack", () => {
        this.#stop();
        [this.current, this.previous] = [this.previous, this.current];
        return this.#boot();
      }),
      status: step("status", () => this.status()),
      logs: step("logs", (_options: unknown) => "cannot find my queen"),
      uninstall: step("uninstall", () => {
        const was = this.installed !== undefined;
        this.#stop();
        this.installed = this.current = this.previous = this.settings = this.token = undefined;
        return was;
      }),
      close: async () => {
        if (isOpen) this.connections--;
        isOpen = false;
      },
    };
  }

  status(): Installed | undefined {
    if (this.settings === undefined || this.current === undefined) return undefined;
    const { hive_id, queen_id, queen_url, port, service } = this.settings;
    return {
      ...{ hive_id, queen_id, queen_url, port: port || 41_000, service, version: this.current },
      ...(this.token === undefined ? {} : { join_token_sha256: sha256(this.token) }),
      running: this.running !== undefined,
    };
  }

  #preflight(): Preflight {
    const installed = this.status();
    return {
      os: "linux",
      arch: "x64",
      hostname: "pc",
      disk_free_bytes: 100e9,
      memory_total_bytes: 64e9,
      node: { path: "/usr/bin/node", version: "v22.0.0" },
      gpus: ["NVIDIA H200"],
      queen: "reached",
      port_taken: false,
      services: "none",
      ...(installed === undefined ? {} : { installed }),
      ...this.found,
    };
  }

  #start({ join_token, ...settings }: HiveSettings): StartedHive {
    const { take_over, ...wanted } = settings as typeof settings & { readonly take_over?: boolean };
    const isSame = join_token === undefined && JSON.stringify(wanted) === JSON.stringify(this.settings);
    if (join_token !== undefined) this.token = join_token;
    this.settings = wanted;
    if (this.current !== this.installed) [this.previous, this.current] = [this.current, this.installed];
    if (!isSame || this.running !== this.current) this.#stop();
    return this.#boot();
  }

  #boot(): StartedHive {
    if (this.settings === undefined || this.current === undefined) {
      throw new HiveError("MACHINE_FAILED", "nothing is installed");
    }
    const started = { version: this.current, port: this.settings.port || 41_000 };
    if (this.running === this.current) return { ...started, already_running: true };
    this.running = this.current;
    this.boots++;
    this.onBoot({ boot_id: `boot-${this.boots}`, version: this.running });
    return { ...started, already_running: false };
  }

  #stop(): boolean {
    const ran = this.running !== undefined;
    this.running = undefined;
    return ran;
  }

  async #meet(at: Call, when: Trouble["when"], signal: AbortSignal | undefined): Promise<void> {
    if (this.trouble?.at === at && this.trouble.when === when) {
      const { what } = this.trouble;
      this.trouble = undefined;
      this.#wake();
      if (what === "cut") throw new HiveError("SSH_FAILED", "the connection was closed");
      await new Promise((_, reject) => {
        if (signal?.aborted === true) reject(signal.reason);
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    }
    if (signal?.aborted === true) throw signal.reason;
  }
}

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
