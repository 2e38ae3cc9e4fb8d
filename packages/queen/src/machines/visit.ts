import { isDeepStrictEqual } from "node:util";
import { type CatalogPut, type CatalogRecord, HiveError, type MachineAdd } from "@hive-registry/contract";
import type { HiveSettings, Installed, Machine, Preflight, ResolvedHost, StartedHive } from "@hive-registry/lifecycle";
import { configOf, HIVE_PORT_DEFAULT } from "../catalog/index.ts";
import { type Before, beforeStart, FIRST_HEARTBEAT_WITHIN_MS, firstHeartbeat } from "../core/first-heartbeat.ts";
import type { Queen } from "../core/queen.ts";
import type { Work } from "../core/run-job.ts";
import { withDeadline } from "./deadline.ts";
import { assertFit, assertOurs, hiveInWords, inWords, isOurs } from "./look.ts";

/** And one that was updated, counted from when the old one began to end: a failed update leaves no longer gap than 10 s. */
export const UPDATED_HEARTBEAT_WITHIN_MS = 7_000;
/** Who was put back works as before, or not at all. */
const ROLLED_BACK_HEARTBEAT_WITHIN_MS = 15_000;
/** How often the machine is asked meanwhile whether its hive still runs, and how often in a row it must not, ms. */
const LOOK_EVERY_MS = 2_000;
const LOOKS = 2;
const LAST_WORDS_BYTES = 4_096;
const LAST_WORDS_WITHIN_MS = 5_000;

/** How long the steps may take, ms. */
const WITHIN_MS = {
  resolve: 15_000,
  connect: 30_000,
  look: 60_000,
  check: 15_000,
  bring: 900_000,
  life: 90_000,
} as const;

export interface Home {
  readonly queen: Queen;
  readonly queenId: () => string;
  /** SHA-256, hex, of the fleet's token; undefined where there is none. */
  readonly fleetTokenSha256: string | undefined;
}

/** What the hive is to be like; what is left out stays as it is there. */
export type Wish = Omit<MachineAdd, "dry_run" | "port" | "queen_url"> & {
  readonly port?: number;
  readonly queen_url: string;
  /** Whether an address that the hive there has been given already is kept. */
  readonly keep_queen_url: boolean;
};

/** One operation's stay at a machine: its steps, and what they learn from each other. */
export class Visit {
  readonly #home: Home;
  readonly #machine: Machine;
  readonly #id: string;
  readonly #wish: Wish;
  #resolved: ResolvedHost | undefined;
  #found: Preflight | undefined;
  #there: Installed | undefined;
  #queenUrl: string;
  #newToken: string | undefined;
  #before: Before = { at_ms: 0 };
  #switching = false;

  constructor(home: Home, machine: Machine, id: string, wish: Wish) {
    this.#home = home;
    this.#machine = machine;
    this.#id = id;
    this.#wish = wish;
    this.#queenUrl = wish.queen_url;
  }

  resolve(): Work {
    return this.#work("resolve", WITHIN_MS.resolve, async (signal) => {
      this.#resolved = await this.#machine.resolve({ signal });
      const { user, hostname, port } = this.#resolved;
      return `${user}@${hostname}, port ${port}`;
    });
  }

  connect(): Work {
    return this.#work("connect", WITHIN_MS.connect, async (signal) => {
      await this.#machine.connect({ signal });
      return "";
    });
  }

  /** Whether a hive can be put there, or, for a later version, is there. */
  look(options: { readonly mustBeThere?: boolean } = {}): Work {
    return this.#work("look", WITHIN_MS.look, async (signal) => {
      if (this.#wish.keep_queen_url) await this.#readQueenUrl(signal);
      const [queen_url, port] = [this.#queenUrl, this.#port()];
      const found = await this.#machine.preflight({ queen_url, port }, { signal });
      const { take_over = false, service = false } = this.#wish;
      assertFit(found, { ...this.#ids(), queen_url, port, take_over, service });
      this.#found = found;
      this.#there = found.installed;
      if (options.mustBeThere === true && this.#there === undefined) throw notInstalled(this.#id);
      return inWords(found);
    });
  }

  /** Whether the hive that is there is the one that is meant. */
  lookAtHive(): Work {
    return this.#work("look", WITHIN_MS.look, async (signal) => {
      this.#there = await this.#machine.status({ signal });
      assertOurs(this.#there, this.#ids());
      return this.#there === undefined ? "no hive is installed" : hiveInWords(this.#there);
    });
  }

  /** What would be done from here on. */
  plan(): Work {
    return this.#work("plan", undefined, async () => {
      const put = this.#put();
      const { catalog } = this.#home.queen;
      const [service, port] = [this.#service(), this.#port()];
      const [there, version] = [this.#there, await this.#machine.offered()];
      const settings = there && { ...there, port: port === 0 ? 0 : there.port };
      const isStarted =
        there?.running === true &&
        isDeepStrictEqual(settings, { ...settings, version, service, port, queen_url: this.#queenUrl });
      const todo = [
        ...(there?.version === version
          ? []
          : [`${there === undefined ? "install the hive" : "bring the version"} ${version}`]),
        ...(this.#found?.node === undefined ? ["bring a Node for it"] : []),
        ...(this.#wish.with_llama === true ? ["bring the inference engine, if it is not there"] : []),
        ...(isSame(catalog.find(this.#id), put) ? [] : [`put ${this.#id} into the catalog, at ${put.host}`]),
        ...(this.#needsToken() ? ["give it a join token of its own"] : []),
        ...(isStarted && !this.#needsToken()
          ? []
          : [
              `start it as a ${service ? "service" : "process"} at ${port === 0 ? "any free port" : `port ${port}`}, for ${this.#queenUrl}`,
              "wait for its first heartbeat",
            ]),
      ];
      return todo.length === 0 ? "nothing: all is as it should be" : todo.join("\n");
    });
  }

  install(): Work {
    return this.#work("install", WITHIN_MS.bring, (signal) => {
      const { with_llama } = this.#wish;
      return this.#machine.install(this.#lookedAt(), with_llama === undefined ? {} : { with_llama }, { signal });
    });
  }

  /** The record first, then the token that ends with it. */
  catalog(): Work {
    return this.#work("catalog", undefined, async () => {
      const put = this.#put();
      const { queen } = this.#home;
      const isThere = isSame(queen.catalog.find(this.#id), put);
      this.#forgetFormerName();
      if (!isThere) queen.putCatalogHive(this.#id, put);
      const isNew = this.#giveToken();
      if (isThere && !isNew) return "it is so already: nothing to do";
      return [...(isThere ? [] : [`${this.#id} at ${put.host}`]), ...(isNew ? ["a new join token"] : [])].join(", ");
    });
  }

  start(): Work {
    return this.#work("start", WITHIN_MS.life, (signal) => this.#start(signal));
  }

  /** A hive of ours that is taken over under another name: as the one it was it is gone, and its token with it. */
  #forgetFormerName(): void {
    const { queen, queenId } = this.#home;
    const former = this.#there;
    if (former === undefined || former.queen_id !== queenId() || former.hive_id === this.#id) return;
    if (queen.catalog.has(former.hive_id)) queen.removeCatalogHive(former.hive_id);
    queen.registry.removeHive(former.hive_id);
  }

  /** With the settings that it has. */
  startAgain(): Work {
    return this.#work("start", WITHIN_MS.life, async (signal) => {
      const before = this.#beforeStart();
      return this.#started(before, await this.#machine.startAgain({ signal }));
    });
  }

  firstHeartbeat(withinMs: number = FIRST_HEARTBEAT_WITHIN_MS): Work {
    return this.#work("first heartbeat", undefined, async (signal) => {
      await this.#heard(withinMs, signal);
      return "";
    });
  }

  stop(): Work {
    return this.#work("end the hive and its workers", WITHIN_MS.life, async (signal) =>
      (await this.#machine.stop({ signal })) ? "" : "it did not run",
    );
  }

  check(): Work {
    return this.#work("check", WITHIN_MS.check, (signal) => this.#machine.check({ signal }));
  }

  /** Ends the old one and starts the new one. */
  switch(): Work {
    return this.#work("switch", WITHIN_MS.life, (signal) => {
      this.#giveToken();
      this.#switching = true;
      return this.#start(signal);
    });
  }

  updatedHeartbeat(): Work {
    return this.#work("first heartbeat", undefined, async (signal) => {
      const spentMs = this.#before.at_ms === 0 ? 0 : this.#home.queen.clock.nowMs() - this.#before.at_ms;
      await this.#heard(Math.max(1_000, UPDATED_HEARTBEAT_WITHIN_MS - spentMs), signal);
      return "";
    });
  }

  /** Undefined as long as nothing was switched. */
  rollBack(): Work | undefined {
    if (!this.#switching) return undefined;
    return this.#work("roll back", WITHIN_MS.life, async (signal) => {
      const now = await this.#machine.status({ signal });
      const before = this.#beforeStart();
      // What was not switched yet must not be taken for the new one: the one before it is older than both.
      const wasSwitched = now?.version !== this.#there?.version;
      const machine = this.#machine;
      const started = wasSwitched ? await machine.rollBack({ signal }) : await machine.startAgain({ signal });
      this.#started(before, started);
      await this.#heard(ROLLED_BACK_HEARTBEAT_WITHIN_MS, signal);
      return `version ${started.version} runs again`;
    });
  }

  uninstall(): Work {
    return this.#work("uninstall", WITHIN_MS.life, async (signal) =>
      (await this.#machine.uninstall({ signal })) ? "" : "nothing was installed",
    );
  }

  /** Its token ends with the record. */
  removeRecord(): Work {
    return this.#work("catalog", undefined, async () => {
      const { queen } = this.#home;
      if (queen.catalog.has(this.#id)) queen.removeCatalogHive(this.#id);
      return "";
    });
  }

  #work(name: string, withinMs: number | undefined, run: Work["run"]): Work {
    // A step that throws at once fails like one that throws later.
    const work = { name, run: async (signal: AbortSignal) => run(signal) };
    return withinMs === undefined ? work : { ...work, withinMs };
  }

  async #start(signal: AbortSignal): Promise<string> {
    const before = this.#beforeStart();
    const { take_over } = this.#wish;
    const settings = { ...this.#settings(), ...(take_over === undefined ? {} : { take_over }) };
    return this.#started(before, await this.#machine.start(settings, { signal }));
  }

  #started(before: Before, { version, port, already_running }: StartedHive): string {
    const { queen } = this.#home;
    const record = queen.catalog.find(this.#id);
    if (record !== undefined && record.port !== port) queen.putCatalogHive(this.#id, { ...configOf(record), port });
    if (already_running) {
      this.#before = { at_ms: 0 };
      return `version ${version} runs already at port ${port}: nothing to do`;
    }
    this.#before = before;
    return `version ${version} at port ${port}`;
  }

  /** One that ran already need only be alive. */
  async #heard(withinMs: number, signal: AbortSignal): Promise<void> {
    const { queen } = this.#home;
    const { registry, clock } = queen;
    if (this.#before.at_ms === 0) {
      if (registry.getHiveState(this.#id)?.status === "alive") return;
      this.#before = { at_ms: clock.nowMs() };
    }
    const machine = this.#machine;
    const hive = {
      stillRuns: async () => (await machine.status({ signal }))?.running === true,
      lastWords: () => this.#lastWords(),
    };
    const options = { before: this.#before, withinMs, lookEveryMs: LOOK_EVERY_MS, looks: LOOKS, signal };
    await firstHeartbeat({ registry, clock, hive }, this.#id, options);
  }

  #lastWords(): Promise<string> {
    const { clock } = this.#home.queen;
    return withDeadline(clock, LAST_WORDS_WITHIN_MS, (signal) =>
      this.#machine.logs({ tail_bytes: LAST_WORDS_BYTES }, { signal }),
    );
  }

  #beforeStart(): Before {
    return beforeStart(this.#home.queen, this.#id);
  }

  async #readQueenUrl(signal: AbortSignal): Promise<void> {
    const there = await this.#machine.status({ signal });
    if (there !== undefined && isOurs(there, this.#ids())) this.#queenUrl = there.queen_url;
  }

  #ids() {
    return { hive_id: this.#id, queen_id: this.#home.queenId() };
  }

  #settings(): HiveSettings {
    const { fleetTokenSha256: fleet } = this.#home;
    return {
      ...this.#ids(),
      queen_url: this.#queenUrl,
      port: this.#port(),
      ...(this.#newToken === undefined ? {} : { join_token: this.#newToken }),
      ...(fleet === undefined ? {} : { fleet_token_sha256: fleet }),
      service: this.#service(),
    };
  }

  #port(): number {
    const record = this.#home.queen.catalog.find(this.#id);
    return this.#wish.port ?? (record?.ssh === undefined ? undefined : record.port) ?? HIVE_PORT_DEFAULT;
  }

  #service(): boolean {
    return this.#wish.service ?? this.#there?.service ?? false;
  }

  /** A record's port is where the hive was last; any free one is known once it runs. */
  #put(): CatalogPut & { readonly port: number } {
    const before = this.#home.queen.catalog.find(this.#id);
    const { ssh, labels = before?.labels } = this.#wish;
    const resolved = this.#resolved ?? notLookedAt();
    const port = this.#port();
    return {
      host: resolved.hostname,
      port: port === 0 ? (before?.port ?? HIVE_PORT_DEFAULT) : port,
      ssh: { ...ssh, port: resolved.port, user: resolved.user },
      ...(labels === undefined ? {} : { labels }),
    };
  }

  /** Whether the machine has no token that the queen knows as its own; none is needed where the fleet has none. */
  #needsToken(): boolean {
    const { queen, fleetTokenSha256 } = this.#home;
    if (fleetTokenSha256 === undefined) return false;
    const known = queen.catalog.joinTokens().get(this.#id);
    return known === undefined || this.#there?.join_token_sha256 !== known;
  }

  #giveToken(): boolean {
    if (!this.#needsToken()) return false;
    this.#newToken = this.#home.queen.joinTokens.issue(this.#id);
    return true;
  }

  #lookedAt(): Preflight {
    return this.#found ?? notLookedAt();
  }
}

const notInstalled = (id: string): HiveError =>
  new HiveError("HIVE_NOT_FOUND", `No hive is installed on that machine yet: install ${id} there first`);

function notLookedAt(): never {
  throw new TypeError("a step came before the one that it needs");
}

const isSame = (record: CatalogRecord | undefined, put: CatalogPut): boolean =>
  record !== undefined && isDeepStrictEqual(configOf(record), put);
