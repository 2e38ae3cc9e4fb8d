import {
  HiveRegistry,
  type HiveWorker,
  type ModelAliases,
  type ModelSummary,
  type Policy,
  type ReserveRequest,
  systemClock,
  takesFleetToken,
} from "hive-registry";
import { onAbort } from "../abort.ts";
import type { BackoffOptions } from "../backoff.ts";
import { CHAT_HEAD_MS, type ChatDelta, type ChatRequest, chat } from "../chat.ts";
import { ClientError } from "../errors.ts";
import { HiveClient } from "../queen-client.ts";
import type { Fetch } from "../transport.ts";
import { askWorkers, type DirectDeps } from "./direct.ts";
import { Mirror } from "./mirror.ts";
import { modelsAnswer } from "./models.ts";
import { LocalPlaces, type Place, type Places, type WaitOptions } from "./places.ts";
import { QueenLink, type QueenNews } from "./queen-link.ts";
import { QueenPlaces } from "./queen-places.ts";
import { refusalOrThrow } from "./refusals.ts";
import { type FleetRequestInit, pathOf, readRequest } from "./request.ts";

export interface FleetOptions {
  /** The queen's token. */
  readonly token?: string | undefined;
  /**
   * What workers demand as their API key: one for all, or each its own. Default: `token` for those that hives started or pass
   * requests on to, nothing for others.
   */
  readonly workerToken?: string | ((worker: HiveWorker) => string | undefined) | undefined;
  /**
   * Who keeps count of places. `local`, the default: this client's own copy of the registry; no request goes to the queen,
   * and what other clients do is known from what workers report. `queen`: the queen, for all clients together, at the price
   * of a question to her before each request.
   */
  readonly coordination?: "local" | "queen";
  /** With `queen`, while she does not answer: `local`, the default, or `refuse`. */
  readonly whenQueenIsAway?: "local" | "refuse";
  /** How workers are chosen when a request does not say. `power-of-two` where many clients choose for themselves. */
  readonly policy?: Policy;
  /** Other names of models, for what is chosen here. */
  readonly aliases?: ModelAliases;
  /** How long a request waits for a worker with room, ms. Default {@link WAIT_DEFAULT_MS}. */
  readonly waitMs?: number;
  /** Longest wait for the first byte of an answer, ms: an answer that does not stream begins when it is complete. */
  readonly headMs?: number;
  /** A place that nobody gives back ends by itself after so long, ms. */
  readonly ttlMs?: number;
  /** Between tries to reach the queen again. */
  readonly backoff?: BackoffOptions;
  /** A stream from the queen on which nothing comes for so long counts as dead, ms. */
  readonly idleMs?: number;
  /** Default: the runtime's own. */
  readonly fetch?: Fetch;
}

export const WAIT_DEFAULT_MS = 30_000;

type FleetFetch = (input: string | URL | Request, init?: FleetRequestInit) => Promise<Response>;

/** What the official `openai` client takes, and others that ask for a base URL and a `fetch`. */
export interface OpenAIOptions {
  readonly baseURL: string;
  readonly apiKey: string;
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
}

/**
 * Knows a queen's fleet and goes straight to its workers. It follows the queen until {@link Fleet.close}, and goes on with
 * what it knows while she is away.
 */
export function connect(queenUrl: string, options: FleetOptions = {}): Fleet {
  return new Fleet(queenUrl, options);
}

/** Made by {@link connect}. */
export class Fleet {
  /** The own copy of the queen's registry. Times in it are by this machine's clock. */
  readonly registry: HiveRegistry;
  /** Calls to the queen herself. */
  readonly queen: HiveClient;
  /** Resolves once the fleet is known. Rejects for what trying again does not heal, such as a wrong token. */
  readonly ready: Promise<void>;
  readonly #options: FleetOptions;
  readonly #link: QueenLink;
  readonly #local: LocalPlaces;
  readonly #atQueen: QueenPlaces | undefined;
  readonly #direct: DirectDeps;
  #isReady = false;
  #isClosed = false;

  constructor(queenUrl: string, options: FleetOptions = {}) {
    const { token, fetch, policy, aliases } = options;
    this.#options = options;
    this.queen = new HiveClient({ baseUrl: queenUrl, token, fetch });
    this.registry = new HiveRegistry({
      now: systemClock,
      ...(policy === undefined ? {} : { policy }),
      ...(aliases === undefined ? {} : { aliases }),
    });
    this.#local = new LocalPlaces(this.registry);
    const now = systemClock;
    const mirror = new Mirror({ registry: this.registry, now, onChange: () => this.#local.wake() });
    this.#link = new QueenLink({ client: this.queen, mirror, now }, options);
    this.ready = this.#link.ready;
    this.ready.then(
      () => {
        this.#isReady = true;
      },
      () => undefined,
    );
    if (options.coordination === "queen") {
      const fallback = options.whenQueenIsAway === "refuse" ? undefined : this.#local;
      const atQueen = new QueenPlaces({ client: this.queen, fallback, now });
      this.#link.onNews(({ type }) => type === "back" && atQueen.queenIsBack());
      this.#atQueen = atQueen;
    }
    const ofFleet = ({ hive_id, worker }: HiveWorker): string | undefined =>
      takesFleetToken(worker, () => this.registry.getHiveState(hive_id)?.hive_url) ? token : undefined;
    const workerToken = options.workerToken ?? ofFleet;
    this.#direct = {
      places: this.#places(),
      registry: this.registry,
      fetch: fetch ?? ((url, init) => globalThis.fetch(url, init)),
      now,
      tokenOf: typeof workerToken === "function" ? workerToken : () => workerToken,
    };
  }

  /** 0 while the queen is heard; else how long ago she was, ms; `Infinity` before the first time. */
  get stale_ms(): number {
    return this.#link.staleMs;
  }

  /** Tells when the queen is lost, and when she is back. Returns the function that ends it. */
  onQueen(listener: (news: QueenNews) => void): () => void {
    return this.#link.onNews(listener);
  }

  /** All workers, also those on hives that are not alive. */
  workers(): HiveWorker[] {
    return this.registry.listAllWorkers();
  }

  models(): ModelSummary[] {
    return this.registry.models();
  }

  /** As the registry's: nothing is reserved. To send a request right away, {@link reserve} or {@link fetch}. */
  findBestWorkerForModel(model: string): HiveWorker | undefined {
    return this.registry.findBestWorkerForModel(model);
  }

  /**
   * A place at a worker, for requests that this client does not send itself. Whoever got it gives it back with
   * `release(outcome)`.
   *
   * @throws {ClientError} `NO_WORKER` when none came free within `waitMs`, `MODEL_NOT_FOUND` when no worker has the model.
   */
  async reserve(request: ReserveRequest, options: Partial<WaitOptions> = {}): Promise<Place> {
    const waitMs = options.waitMs ?? this.#waitMs;
    await this.#known(waitMs, options.signal);
    return await this.#direct.places.reserve(request, { waitMs, signal: options.signal });
  }

  /**
   * As `fetch`, to the best worker of the fleet: `fleet.fetch("/v1/chat/completions", { method: "POST", body })`. The model is
   * the one that the JSON body names, or `init.model`. What fails is answered as the queen's gateway would, in OpenAI's shape:
   * 404 for a model that nobody has, 503 when no worker came free in time, 502 when workers failed. After the first byte a
   * failure is an error of the body. Rejects only with an abort's own reason, and with a `TypeError` for a programmer's mistake.
   */
  readonly fetch: FleetFetch = (input, init = {}) => this.#ask(input, init);

  /** `new OpenAI(fleet.openai())`: its requests go straight to workers. Without this `fetch` they would go to the queen's gateway. */
  openai(): OpenAIOptions {
    return {
      baseURL: `${this.queen.baseUrl}/v1`,
      apiKey: this.#options.token ?? "none",
      fetch: (input, init = {}) => {
        // Its key is for one address; here each worker gets its own.
        const headers = new Headers(init.headers);
        headers.delete("authorization");
        return this.#ask(input, { ...init, headers });
      },
    };
  }

  /** Streams an answer from the best worker. Leaving the loop or aborting stops it. See `chat` for what it throws. */
  chat(request: Omit<ChatRequest, "worker_url" | "token" | "fetch">): AsyncGenerator<ChatDelta, void> {
    return chat({ ...request, worker_url: this.queen.baseUrl, fetch: this.fetch });
  }

  /** Stops following the queen; who waits for a place is told. Answers under way go on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#local.close(closedError());
    await Promise.all([this.#link.stop(), this.#atQueen?.close()]);
  }

  get #waitMs(): number {
    return this.#options.waitMs ?? WAIT_DEFAULT_MS;
  }

  async #ask(input: string | URL | Request, init: FleetRequestInit): Promise<Response> {
    const path = pathOf(input, this.queen.baseUrl);
    const signal = init.signal ?? (input instanceof Request ? input.signal : undefined);
    const waitMs = init.waitMs ?? this.#waitMs;
    try {
      await this.#known(waitMs, signal);
      const method = init.method ?? (input instanceof Request ? input.method : "GET");
      const models = modelsAnswer({ registry: this.registry, aliases: this.#options.aliases ?? {} }, method, path);
      if (models !== undefined) return models;
      const request = await readRequest(path, input, init, { policy: this.#options.policy });
      return await askWorkers(this.#direct, request, { waitMs, headMs: this.#options.headMs ?? CHAT_HEAD_MS });
    } catch (error) {
      return refusalOrThrow(error);
    }
  }

  /** Places with this fleet's own time limit. */
  #places(): Places {
    const places = this.#atQueen ?? this.#local;
    const { ttlMs, policy } = this.#options;
    const own = { ...(ttlMs === undefined ? {} : { ttl_ms: ttlMs }), ...(policy === undefined ? {} : { policy }) };
    return { reserve: (request, options) => places.reserve({ ...own, ...request }, options) };
  }

  /** Waits for the first snapshot. */
  async #known(waitMs: number, signal: AbortSignal | null | undefined): Promise<void> {
    if (this.#isClosed) throw closedError();
    if (this.#isReady) return;
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const message = `No queen answered at ${this.queen.baseUrl} within ${waitMs} ms`;
      const late = () => done(() => reject(new ClientError("QUEEN_UNREACHABLE", message, { server: "queen" })));
      const timer = setTimeout(late, waitMs);
      const stay = onAbort(signal, () => done(() => reject(signal?.reason)));
      const done = (settle: () => void) => {
        clearTimeout(timer);
        stay();
        settle();
      };
      this.ready.then(
        () => done(resolve),
        (error) => done(() => reject(this.#isClosed ? closedError() : error)),
      );
    });
    if (this.#isClosed) throw closedError();
  }
}

const closedError = (): ClientError => new ClientError("SHUTTING_DOWN", "This fleet is closed", { status: 503 });
