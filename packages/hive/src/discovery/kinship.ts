/** Which listener belongs to another server, as its part: several servers start servers of their own on loopback. */
import type { Follower } from "./follower.ts";
import { isLoopbackAddress, type Site } from "./listener.ts";

export interface Kinship {
  /** Absent on another machine. */
  site: Site | undefined;
  /** Its process's parent, the parent's parent and so on. */
  readonly ancestors: readonly number[];
  /** It reports to a hive by itself. */
  readonly reportsItself: boolean;
  readonly follower: Pick<Follower, "sight" | "isDecided">;
}

/** Servers that start others, each on a port of its own. Source: fact sheet 0.3 (Ollama, llama-swap, llama-server's router). */
const PARENTS = new Set(["ollama", "llama-swap", "llama-server", "localai"]);

/** Only such are worth asking about. */
export const mayHaveChildren = ({ reportsItself, follower: { sight, isDecided } }: Kinship): boolean =>
  reportsItself || sight !== undefined || !isDecided;

/**
 * Whether `one` is a part of `other`, or must wait until it is known what `other` is. Where another user's processes cannot be
 * told apart, what such a user has on loopback beside a server that starts others counts as started by it.
 */
export function isChildOf(one: Kinship, other: Kinship): boolean {
  if (one === other || one.site === undefined || other.site === undefined) return false;
  const { sight } = other.follower;
  if (other.site.pid !== undefined) {
    return mayHaveChildren(other) && one.ancestors.includes(other.site.pid);
  }
  if (one.site.pid !== undefined || one.site.uid === undefined || one.site.uid !== other.site.uid) return false;
  if (sight === undefined || !PARENTS.has(sight.engine) || isEphemeral(other.site.port)) return false;
  return isEphemeral(one.site.port) && one.site.addresses.every(isLoopbackAddress);
}

/** Ports that systems hand out by themselves, and llama-swap from 5800 upward. */
const isEphemeral = (port: number): boolean => port >= 32_768 || (port >= 5_800 && port < 5_900);
