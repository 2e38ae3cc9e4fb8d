import { realpathSync } from "node:fs";
import { HiveError } from "@hive-registry/contract/errors";
import { makeStateDir, readLog, stopLocalHive, takeLock } from "@hive-registry/lifecycle";
import { checkHive } from "./check.ts";
import { type HiveDeps, runAsService, startHive, statusOfHive, stopHive } from "./hive.ts";
import { placesFor } from "./places.ts";
import { serviceManager } from "./service/manager.ts";
import { parseConfiguration, readSettings, settingsOf, writeSettings } from "./settings.ts";

/** More than any settings; a stdin that never ends is not waited for. */
const SETTINGS_BYTES_MAX = 65_536;
/** A start that ends another hive first may take that one's whole grace. */
const LOCK_WAIT_MS = 60_000;
const TAIL_BYTES_DEFAULT = 65_536;

type Word = (deps: HiveDeps, args: readonly string[]) => Promise<unknown>;

/** Words that change something come one at a time, whoever says them. */
const alone =
  (word: Word): Word =>
  async (deps, args) => {
    makeStateDir(deps.places.state_dir);
    const release = await takeLock(deps.places.lock_file, { waitMs: LOCK_WAIT_MS });
    try {
      return await word(deps, args);
    } finally {
      release();
    }
  };

const WORDS: Readonly<Record<string, Word>> = {
  configure: alone(async ({ places, env }) => {
    const configuration = parseConfiguration(await readInput());
    const { before, changed } = writeSettings(places, configuration);
    // Under its old name nobody would find it any more.
    const left = before !== undefined && before.hive_id !== configuration.hive_id;
    if (left) {
      await serviceManager(env).stop();
      await stopLocalHive({ hive_id: before.hive_id, state_dir: places.state_dir });
    }
    return { configured: true, changed };
  }),
  start: alone(startHive),
  stop: alone(async (deps) => ({ stopped: await stopHive(deps) })),
  restart: alone(async (deps) => {
    settingsOf(deps.places);
    await stopHive(deps);
    return startHive(deps);
  }),
  check: async ({ places, env }) => checkHive(places, env),
  service: alone(async ({ env }, args) => {
    if (args.join(" ") !== "remove") throw new HiveError("INVALID_REQUEST", "service takes run or remove");
    const manager = serviceManager(env);
    const removed = manager.isInstalled();
    await manager.remove();
    return { removed };
  }),
  status: async (deps) => statusOfHive(deps),
  logs: async ({ places }, args) => {
    const tail_bytes = tailBytes(args);
    const settings = readSettings(places);
    if (settings === undefined) return { text: "" };
    return { text: readLog({ hive_id: settings.hive_id, state_dir: places.state_dir, tail_bytes }) };
  },
};

/**
 * Does what a word says and prints one line of JSON: what came of it, or `{"error": …}`. Answers the exit code. `program` is
 * the file that runs.
 */
export async function runWord(program: string, name: string, args: readonly string[]): Promise<number> {
  try {
    const word = Object.hasOwn(WORDS, name) ? WORDS[name] : undefined;
    if (word === undefined) {
      throw new HiveError(
        "INVALID_REQUEST",
        `There is no ${JSON.stringify(name)}: agent, ${Object.keys(WORDS).join(", ")}`,
      );
    }
    const places = placesFor(realpathSync(program), process.env);
    const deps = { places, env: process.env, nowMs: Date.now };
    if (name === "service" && args.join(" ") === "run") return await runAsService(deps);
    print(await word(deps, args));
    return 0;
  } catch (error) {
    print(bodyOf(error));
    return 1;
  }
}

function bodyOf(error: unknown): unknown {
  if (error instanceof HiveError) return error.toBody();
  return new HiveError("MACHINE_FAILED", error instanceof Error ? error.message : String(error)).toBody();
}

function print(answer: unknown): void {
  process.stdout.on("error", () => {});
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

async function readInput(): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of process.stdin as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > SETTINGS_BYTES_MAX) throw new HiveError("BODY_TOO_LARGE", "The settings are too long");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function tailBytes(args: readonly string[]): number {
  if (args.length === 0) return TAIL_BYTES_DEFAULT;
  const [flag, value = "", ...more] = args;
  if (flag === "--tail-bytes" && /^\d{1,9}$/.test(value) && more.length === 0) return Number(value);
  throw new HiveError("INVALID_REQUEST", "logs takes --tail-bytes N");
}
