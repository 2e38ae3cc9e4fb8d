/** Finds the inference servers of this machine, and those that the operator names, and follows them. */
import type { Log } from "@hive-registry/command";
import type { Clock } from "../clock.ts";
import type { ConfiguredServer } from "../config/servers.ts";
import type { Probe, Server, ServerEngine } from "../workers/engines/server-engine.ts";
import { type FollowedServer, Follower, type Sight } from "./follower.ts";
import { isForeignPort } from "./foreign-ports.ts";
import { Gate } from "./gate.ts";
import { portOf } from "./here.ts";
import { isChildOf, type Kinship, mayHaveChildren } from "./kinship.ts";
import { type ListenerSource, localUrlOf, type Site, sitesOf } from "./listener.ts";
import { freeName, namesFor } from "./names.ts";
import type { Life, Processes } from "./processes.ts";

/** Servers that are followed at once; what else there may be is passed over. */
export const SERVERS_MAX = 128;
/** Listeners that are asked what they are; those beyond are passed over. */
export const LISTENERS_MAX = 1_024;
/** Recognitions at once. */
export const RECOGNITIONS_MAX = 8;
/** How often it is looked whether the processes of found servers live. */
export const WATCH_EVERY_MS = 100;
/** A look at the listeners takes at most one part in so many of the time, up to the longest pause. */
const LOOK_SHARE = 50;
const LOOK_PAUSE_MAX_MS = 1_000;
/** What listens here and is not recognised is asked again after 0.5, 1, 2 … 60 s: for ten minutes, as long as loading takes. */
const HERE = { pauseMaxMs: 60_000, triesMax: 16 };
const ELSEWHERE = { pauseMaxMs: 5_000, triesMax: Number.POSITIVE_INFINITY };

/** An inference server that this hive did not start. */
export interface FoundServer {
  /** The same each time it comes back. */
  readonly worker_id: string;
  readonly sight: Sight;
  /** Where this machine reaches it. */
  readonly url: string;
  /** Where it listens; absent on another machine. */
  readonly site?: Site;
  readonly configured?: ConfiguredServer;
}

export interface DiscoveryDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Absent where nothing lists them: then only configured servers are found. */
  readonly listeners: ListenerSource | undefined;
  readonly processes: Processes;
  readonly engines: readonly ServerEngine[];
  readonly recognise: (server: Server) => Promise<ServerEngine | undefined>;
  readonly connect: (url: string, key: string | undefined) => FollowedServer;
  /** Whether a host's name or address is this machine. */
  readonly isHere: (hostname: string) => boolean;
  /** Ports of this hive and of its queens. */
  readonly ownPorts: () => ReadonlySet<number>;
  /** First processes of workers that this hive started. */
  readonly ownPids: () => ReadonlySet<number>;
  /** Ports on this machine of workers that announced themselves. */
  readonly announcedPorts: () => ReadonlySet<number>;
  /** Called after any found server changed, came or went. */
  readonly onChange: () => void;
}

export interface DiscoveryOptions {
  /** Whether servers are looked for that nobody named. */
  readonly discover: boolean;
  readonly configured: readonly ConfiguredServer[];
  readonly probeEveryMs?: number;
}

/** Whether it serves a model, now or once it has loaded it: who has it needs no demonstration. */
export const servesModels = ({ sight: { probe } }: FoundServer): boolean =>
  probe.state === "loading" || (probe.state === "ready" && probe.models.some(({ loaded }) => loaded));

/** A place that is followed, or would be if nothing spoke against it. */
interface Entry extends Kinship {
  readonly url: string;
  readonly configured: ConfiguredServer | undefined;
  readonly follower: Follower;
  /** Of its process, while it is found. */
  life: Life | undefined;
  started: boolean;
  /** What of it the others' standing depends on, when that was looked at last. */
  settledAs: string;
  name: { readonly engine: string; readonly worker_id: string } | undefined;
}

export class Discovery {
  readonly #deps: DiscoveryDeps;
  readonly #options: DiscoveryOptions;
  readonly #gate = new Gate(RECOGNITIONS_MAX);
  readonly #here = new Map<string, Entry>();
  /** Configured servers, followed by their URL. */
  readonly #byUrl: readonly Entry[];
  /** Those of this machine: by their port, as long as something is listed there. A container's port need not be. */
  readonly #configuredHere: ReadonlyMap<number, ConfiguredServer>;
  readonly #said = new Set<string>();
  #cancelLook: () => void = () => {};
  #cancelWatch: () => void = () => {};
  #isWatching = false;
  #stopped = false;
  #lookedOnce = false;
  #sawFirstRound: () => void = () => {};
  /** Resolves once it is known what ran already when it started. */
  readonly firstRound: Promise<void> = new Promise((resolve) => {
    this.#sawFirstRound = resolve;
  });

  constructor(deps: DiscoveryDeps, options: DiscoveryOptions) {
    this.#deps = deps;
    this.#options = options;
    const isListed = (one: ConfiguredServer): boolean =>
      deps.listeners !== undefined && deps.isHere(new URL(one.url).hostname);
    this.#configuredHere = new Map(options.configured.filter(isListed).map((one) => [portOf(one.url), one]));
    this.#byUrl = options.configured.map((one) => this.#entry(one.url, one));
  }

  start(): void {
    if (this.#deps.listeners !== undefined && (this.#options.discover || this.#configuredHere.size > 0)) {
      void this.#look(this.#deps.listeners);
    } else {
      this.#lookedOnce = true;
    }
    this.#settle();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelLook();
    this.#cancelWatch();
    for (const entry of this.#entries()) this.#unfollow(entry);
    this.#sawFirstRound();
  }

  /** Every server that is known now, those of this machine first. */
  list(): FoundServer[] {
    const announced = this.#deps.announcedPorts();
    const found = this.#entries().flatMap((entry) => {
      const { url, site, configured, follower } = entry;
      const { sight } = follower;
      if (sight === undefined || (site !== undefined && announced.has(site.port))) return [];
      const worker_id = this.#nameOf(entry, sight.engine);
      return [
        { worker_id, sight, url, ...(site !== undefined && { site }), ...(configured !== undefined && { configured }) },
      ];
    });
    // Those that were being recognised when the last place was taken.
    return found.slice(0, SERVERS_MAX);
  }

  #entries(): Entry[] {
    return [...this.#here.values(), ...this.#byUrl];
  }

  async #look(source: ListenerSource): Promise<void> {
    const { clock } = this.#deps;
    const beganMs = clock.nowMs();
    try {
      await this.#update(source);
    } catch (error) {
      this.#sayOnce("listeners", () =>
        this.#deps.log.warn({ err: error }, "the listeners of this machine cannot be listed: servers are not found"),
      );
    }
    this.#lookedOnce = true;
    if (this.#stopped) return;
    this.#settle();
    const pauseMs = Math.min(LOOK_PAUSE_MAX_MS, LOOK_SHARE * (clock.nowMs() - beganMs));
    this.#cancelLook = clock.after(Math.max(source.everyMs, pauseMs), () => void this.#look(source));
  }

  /** Takes in which sockets listen now. */
  async #update(source: ListenerSource): Promise<void> {
    const ownPorts = this.#deps.ownPorts();
    const listeners = await source.list(
      (port) =>
        !ownPorts.has(port) && (this.#configuredHere.has(port) || (this.#options.discover && !isForeignPort(port))),
    );
    if (listeners === undefined) return;
    const all = sitesOf(listeners);
    if (all.length > LISTENERS_MAX) this.#sayTooMany();
    const sites = new Map(all.slice(0, LISTENERS_MAX).map((site) => [site.id, site]));
    for (const [id, entry] of this.#here) if (!sites.has(id)) this.#forget(id, entry);
    for (const [id, site] of sites) {
      const known = this.#here.get(id);
      if (known !== undefined) known.site = site;
      else if (!this.#stopped) this.#here.set(id, await this.#entryHere(site));
    }
  }

  async #entryHere(site: Site): Promise<Entry> {
    const { processes } = this.#deps;
    const configured = this.#configuredHere.get(site.port);
    const entry = this.#entry(configured?.url ?? localUrlOf(site), configured, site);
    if (site.pid === undefined) return entry;
    const words = await processes.wordsOf(site.pid);
    return Object.assign(entry, {
      ancestors: await processes.ancestorsOf(site.pid),
      // The bundled worker, told to report to a hive: that hive has it already.
      reportsItself: words.some((word) => /^--hive-url(?:=|$)/.test(word)),
    });
  }

  #entry(url: string, configured: ConfiguredServer | undefined, site?: Site): Entry {
    const { clock, connect, recognise, engines } = this.#deps;
    const { probeEveryMs } = this.#options;
    const named = engines.find(({ name }) => name === configured?.engine);
    const entry: Entry = {
      ...{ url, configured, site, ancestors: [], life: undefined, reportsItself: false },
      ...{ started: false, settledAs: "", name: undefined },
      follower: new Follower(
        {
          ...{ clock, gate: this.#gate },
          connect: () => connect(url, configured?.key),
          recognise: named === undefined ? recognise : async () => named,
          isWorker: (engine, probe) => configured !== undefined || isSurelyWorker(engine, probe),
          onChange: () => this.#changed(entry),
        },
        { ...(site === undefined ? ELSEWHERE : HERE), ...(probeEveryMs !== undefined && { probeEveryMs }) },
      ),
    };
    return entry;
  }

  #forget(id: string, entry: Entry): void {
    this.#unfollow(entry);
    this.#here.delete(id);
    this.#tellGone(entry);
  }

  /** Starts and stops following, as what else is there now speaks for it or against it. */
  #settle(): void {
    const [ownPids, announced] = [this.#deps.ownPids(), this.#deps.announcedPorts()];
    const here = [...this.#here.values()];
    const parents = here.filter(mayHaveChildren);
    this.#settleByUrl(here);
    let seen = this.#entries().filter(({ follower }) => follower.sight !== undefined).length;
    for (const entry of here) {
      const isOthers =
        entry.reportsItself ||
        announced.has(entry.site?.port ?? -1) ||
        [entry.site?.pid ?? -1, ...entry.ancestors].some((pid) => ownPids.has(pid)) ||
        (entry.configured === undefined && parents.some((other) => isChildOf(entry, other)));
      if (isOthers && entry.started) {
        if (entry.follower.sight !== undefined) seen--;
        this.#unfollow(entry);
        entry.name = undefined;
      } else if (!isOthers && !entry.started) {
        if (seen < SERVERS_MAX) this.#follow(entry);
        else this.#sayTooMany();
      }
      entry.settledAs = standingOf(entry);
    }
    if (this.#lookedOnce && this.#entries().every(({ started, follower }) => !started || follower.isDecided)) {
      this.#sawFirstRound();
    }
  }

  /** Where a listener is known there is more to follow than a URL: a process. */
  #settleByUrl(here: readonly Entry[]): void {
    for (const entry of this.#byUrl) {
      const { url, configured } = entry;
      const mayBeListed = this.#configuredHere.get(portOf(url)) === configured;
      const isListed = mayBeListed && (!this.#lookedOnce || here.some(({ site }) => site?.port === portOf(url)));
      if (!isListed && !entry.started) this.#follow(entry);
      if (isListed && entry.started) {
        this.#unfollow(entry);
        entry.name = undefined;
      }
    }
  }

  #follow(entry: Entry): void {
    entry.started = true;
    entry.follower.start();
  }

  #unfollow(entry: Entry): void {
    entry.started = false;
    entry.follower.stop();
    entry.life?.release();
    entry.life = undefined;
  }

  #changed(entry: Entry): void {
    if (this.#stopped) return;
    const { sight } = entry.follower;
    if (sight === undefined && entry.name !== undefined) this.#tellGone(entry);
    if (entry.settledAs !== standingOf(entry)) this.#settle();
    if (entry.follower.sight !== undefined) this.#tellFound(entry, entry.follower.sight);
    this.#watch();
    this.#deps.onChange();
  }

  /** Processes end without a word, and nobody must be sent to one that has. Where there is none to watch it rests. */
  #watch(): void {
    if (this.#isWatching || ![...this.#here.values()].some(isWatched)) return;
    this.#isWatching = true;
    this.#cancelWatch = this.#deps.clock.after(WATCH_EVERY_MS, () => {
      this.#isWatching = false;
      this.#forgetEnded();
      this.#watch();
    });
  }

  #forgetEnded(): void {
    const { listeners, processes, onChange } = this.#deps;
    let ended = 0;
    for (const [id, entry] of this.#here) {
      if (!isWatched(entry)) continue;
      entry.life ??= processes.lifeOf(entry.site.pid);
      if (entry.life?.lives() === true) continue;
      this.#forget(id, entry);
      ended++;
    }
    if (ended === 0) return;
    listeners?.doubt();
    this.#settle();
    onChange();
  }

  #nameOf(entry: Entry, engine: string): string {
    if (entry.name?.engine === engine) return entry.name.worker_id;
    const others = new Set(this.#entries().flatMap(({ name }) => (name === undefined ? [] : [name.worker_id])));
    const worker_id = freeName(namesFor(entry, engine), others);
    entry.name = { engine, worker_id };
    return worker_id;
  }

  #tellFound(entry: Entry, { engine, probe }: Sight): void {
    if (entry.name?.engine === engine) return;
    const worker_id = this.#nameOf(entry, engine);
    const { url, site } = entry;
    const { state } = probe;
    const { log } = this.#deps;
    log.info({ worker_id, engine, url, pid: site?.pid, state }, "found an inference server");
    if (state === "locked") log.warn({ worker_id }, keyAdvice(entry));
  }

  #tellGone(entry: Entry): void {
    if (entry.name === undefined) return;
    this.#deps.log.info({ worker_id: entry.name.worker_id }, "an inference server is gone");
    entry.name = undefined;
    this.#deps.onChange();
  }

  #sayTooMany(): void {
    this.#sayOnce("too many", () =>
      this.#deps.log.warn(
        { most: SERVERS_MAX },
        "more programs listen here than are looked at: name servers that are missing in hive.toml",
      ),
    );
  }

  #sayOnce(what: string, say: () => void): void {
    if (this.#said.has(what)) return;
    this.#said.add(what);
    say();
  }
}

const GENERIC = "openai-compatible";

/**
 * Many programs refuse a stranger or list nothing in OpenAI's words; without a name in hive.toml only those count that serve a
 * model.
 */
const isSurelyWorker = ({ name }: ServerEngine, { models }: Probe): boolean => name !== GENERIC || models.length > 0;

const isWatched = (entry: Entry): entry is Entry & { readonly site: { readonly pid: number } } =>
  entry.site?.pid !== undefined && entry.follower.sight !== undefined;

const standingOf = ({ started, follower: { sight, isDecided } }: Entry): string =>
  `${started} ${sight?.engine ?? ""} ${isDecided}`;

/** What to do about a server that demands a key. */
export const keyAdvice = ({
  url,
  configured,
}: {
  readonly url: string;
  readonly configured?: ConfiguredServer | undefined;
}): string =>
  configured?.key === undefined
    ? `It demands a key. In hive.toml: [[server]], and below it url = "${url}" and key_file = "FILE" (mode 0600)`
    : "It refuses the key that hive.toml has for it";
