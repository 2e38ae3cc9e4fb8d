import { HiveError } from "@hive-registry/contract";
import { systemClock, within } from "./clock.ts";
import { Machine } from "./devices/machine.ts";
import { startDevices } from "./devices/start-devices.ts";

/** A vendor's tool that hangs is not waited for. */
const DEVICES_LIMIT_MS = 8_000;
const QUEEN_LIMIT_MS = 8_000;

/** What a hive would find, were it started here now. */
export interface Examined {
  /** Names of the GPUs. */
  readonly devices: readonly string[];
  readonly ram_total_bytes: number;
  readonly queen_url: string;
}

/**
 * Finds the devices of this machine and asks the queen whether she is there, as a hive does when it starts, but starts none.
 *
 * @throws {HiveError} `QUEEN_OUT_OF_REACH`, `UNAUTHENTICATED` when what stands before her does not take the token.
 */
export async function examine(options: {
  readonly queen_url: string;
  readonly token: string | undefined;
  readonly nvidiaSmi?: string;
}): Promise<Examined> {
  const { queen_url, token } = options;
  const log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };
  const clock = systemClock;
  const sources = startDevices(
    { clock, random: Math.random, log },
    { nvidiaSmi: options.nvidiaSmi ?? "nvidia-smi", periodMs: DEVICES_LIMIT_MS },
  );
  const machine = new Machine(sources);
  try {
    const [{ devices, ram_total_bytes }] = await Promise.all([
      within(clock, DEVICES_LIMIT_MS, machine.settled()).then(() => machine.info()),
      askQueen(queen_url, token),
    ]);
    return { devices: devices.map(({ name }) => name ?? "unnamed"), ram_total_bytes, queen_url };
  } finally {
    await machine.stop();
  }
}

async function askQueen(queenUrl: string, token: string | undefined): Promise<void> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let status: number;
  try {
    const reply = await fetch(`${queenUrl.replace(/\/+$/, "")}/healthz`, {
      headers,
      signal: AbortSignal.timeout(QUEEN_LIMIT_MS),
    });
    status = reply.status;
    await reply.body?.cancel();
  } catch (error) {
    throw outOfReach(queenUrl, reasonOf(error), error);
  }
  if (status === 401) throw new HiveError("UNAUTHENTICATED", `${queenUrl} does not take this hive's token`);
  if (status !== 200) throw outOfReach(queenUrl, `it answers ${status}`);
}

const outOfReach = (queenUrl: string, reason: string, cause?: unknown): HiveError =>
  new HiveError("QUEEN_OUT_OF_REACH", `The queen is not reached at ${queenUrl} from here: ${reason}`, { cause });

function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError") return "no answer in time";
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return "code" in cause ? String(cause.code) : cause.message;
}
