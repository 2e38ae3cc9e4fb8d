import { randomBytes } from "node:crypto";
import { tokenHash } from "@hive-registry/command";
import { HiveError } from "@hive-registry/contract";
import type { Catalog } from "../catalog/index.ts";

const TOKEN_BYTES = 32;

/**
 * The tokens with which added hives come to the queen: each its own, good for that hive's heartbeats alone. Only their
 * SHA-256 is kept, in the catalog; a token itself is known for as long as it takes to bring it to its machine.
 */
export class JoinTokens {
  readonly #catalog: Pick<Catalog, "joinTokens" | "setJoinToken" | "removeJoinToken">;
  readonly #nowMs: () => number;
  /** Ids of hives by the hash of their token. The catalog has the last word on each. */
  readonly #hives: Map<string, string>;
  readonly #watchers = new Map<string, Set<() => void>>();

  constructor(deps: {
    readonly catalog: Pick<Catalog, "joinTokens" | "setJoinToken" | "removeJoinToken">;
    readonly nowMs: () => number;
  }) {
    this.#catalog = deps.catalog;
    this.#nowMs = deps.nowMs;
    this.#hives = new Map([...deps.catalog.joinTokens()].map(([hiveId, sha256]) => [sha256, hiveId]));
  }

  /**
   * A new token for the hive; the one before it ends.
   *
   * @throws {HiveError} `HIVE_NOT_FOUND` when the hive has no record: its token ends with that.
   */
  issue(hiveId: string): string {
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    const sha256 = tokenHash(token);
    const before = this.#catalog.joinTokens().get(hiveId);
    if (!this.#catalog.setJoinToken(hiveId, sha256, this.#nowMs())) {
      throw new HiveError("HIVE_NOT_FOUND", `No hive ${JSON.stringify(hiveId)} is known`);
    }
    this.#hives.set(sha256, hiveId);
    if (before !== undefined) this.#end(hiveId, before);
    return token;
  }

  has(hiveId: string): boolean {
    return this.#catalog.joinTokens().has(hiveId);
  }

  /** Its next heartbeat is refused, and what it is connected by is closed. False when the hive has no token. */
  revoke(hiveId: string): boolean {
    const sha256 = this.#catalog.joinTokens().get(hiveId);
    if (sha256 === undefined) return false;
    this.#catalog.removeJoinToken(hiveId);
    this.#end(hiveId, sha256);
    return true;
  }

  /**
   * The hive whose token this is. The hash is looked up, not the token: how long that takes tells of a hash that nobody can
   * choose, so there is nothing to be learnt from it.
   */
  hiveOf(token: string): string | undefined {
    const sha256 = tokenHash(token);
    const hiveId = this.#hives.get(sha256);
    // A record that was removed took its token along.
    return hiveId !== undefined && this.#catalog.joinTokens().get(hiveId) === sha256 ? hiveId : undefined;
  }

  /** Calls back once when the token that the hive has now ends. Returns the function that stops listening. */
  onEnd(hiveId: string, ended: () => void): () => void {
    const watchers = this.#watchers.get(hiveId) ?? new Set();
    this.#watchers.set(hiveId, watchers.add(ended));
    return () => {
      watchers.delete(ended);
      if (watchers.size === 0 && this.#watchers.get(hiveId) === watchers) this.#watchers.delete(hiveId);
    };
  }

  #end(hiveId: string, sha256: string): void {
    this.#hives.delete(sha256);
    const watchers = this.#watchers.get(hiveId) ?? [];
    this.#watchers.delete(hiveId);
    for (const ended of watchers) ended();
  }
}
