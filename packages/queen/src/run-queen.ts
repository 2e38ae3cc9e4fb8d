import {
  cannotListen,
  createLog,
  EXIT_FAILED,
  EXIT_OK,
  EXIT_USAGE,
  isLoopback,
  readToken,
  SettingError,
  stopSignals,
} from "@hive-registry/command";
import { Command, CommanderError } from "commander";
import { GATEWAY_FLAGS } from "./config/gateway-settings.ts";
import { LIVENESS_FLAGS } from "./config/liveness-settings.ts";
import { OBSERVABILITY_FLAGS } from "./config/observability-settings.ts";
import { ON_DEMAND_FLAGS } from "./config/on-demand-settings.ts";
import { type Given, readSettings, type Settings } from "./config/settings.ts";
import { WEBHOOK_FLAGS } from "./config/webhook-settings.ts";
import { type RunningQueen, serveQueen } from "./serve.ts";
import { VERSION } from "./version.ts";

/** Runs the queen until it is told to stop. Answers the exit code. `argv` as `process.argv`. */
export async function runQueen(argv: readonly string[]): Promise<number> {
  let settings: Settings;
  let token: string | undefined;
  try {
    const flags = parseFlags(argv);
    if (flags === undefined) return EXIT_OK;
    settings = readSettings(flags.given, process.env, flags.config);
    token = readToken(settings.tokenFile, process.env);
    if (token === undefined && !isLoopback(settings.listen)) {
      throw new SettingError(
        `--listen ${settings.listen} needs a token, so that not everybody there can steer the fleet: set HIVE_TOKEN or --token-file`,
      );
    }
  } catch (error) {
    if (error instanceof CommanderError) return EXIT_USAGE;
    if (!(error instanceof SettingError)) throw error;
    complain(error.message);
    return EXIT_USAGE;
  }

  const log = createLog("queen", settings.logLevel);
  const asked = stopSignals();
  let running: RunningQueen;
  try {
    running = await serveQueen({ log }, { ...settings, token });
  } catch (error) {
    complain(whyNot(error, settings));
    return EXIT_FAILED;
  }
  process.stdout.on("error", () => {});
  process.stdout.write(`listening on ${running.url}\n`);
  log.info({ url: running.url, state_dir: settings.stateDir, token: token !== undefined }, "the queen listens");

  await asked.first;
  log.info("the queen stops");
  void asked.second.then(() => process.exit(EXIT_FAILED));
  await running.stop();
  return EXIT_OK;
}

/** Undefined when help or the version was asked for and given. */
function parseFlags(
  argv: readonly string[],
): { readonly given: Given; readonly config: string | undefined } | undefined {
  const command = new Command("hive-queen")
    .description("The server that knows every hive and worker of a fleet.")
    .version(VERSION)
    .option("--port <number>", "port; 0 is any free one (default: 7833)")
    .option("--listen <host>", "address; beyond loopback it demands a token (default: 127.0.0.1)")
    .option("--public-url <url>", "where machines that are added reach it (default: where it listens)")
    .option("--state-dir <dir>", "where the catalog lies (default: ~/.local/state/hive)")
    .option("--config <file>", "settings file (default: queen.toml in the configuration folder)")
    .option("--token-file <file>", "file that holds the fleet's token, mode 0600 (or HIVE_TOKEN)")
    .option("--log-level <level>", "fatal, error, warn, info, debug, trace or silent (default: info)")
    .option("--catalog <kind>", "sqlite, or memory to keep nothing (default: sqlite)")
    .option("--heartbeat-interval-ms <ms>", "how often hives should beat (default: 5000)")
    .option("--max-heartbeats-per-second <n>", "a large fleet beats slower than this in all (default: 5000)")
    .allowExcessArguments(false)
    .exitOverride();
  const further = [GATEWAY_FLAGS, ON_DEMAND_FLAGS, LIVENESS_FLAGS, OBSERVABILITY_FLAGS, WEBHOOK_FLAGS].flat();
  for (const [flag, meaning] of further) command.option(flag, meaning);
  try {
    command.parse(argv);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    throw error;
  }
  const { config, ...values } = command.opts<{ readonly config?: string }>();
  // The setting of a flag is its name with underscores.
  const given = command.options.map((option) => [
    option.name().replaceAll("-", "_"),
    (values as Readonly<Record<string, unknown>>)[option.attributeName()],
  ]);
  return { config, given: Object.fromEntries(given.filter(([, value]) => value !== undefined)) as Given };
}

const whyNot = (error: unknown, settings: Settings): string =>
  cannotListen(error, settings) ?? (error instanceof Error ? error.message : String(error));

const complain = (message: string): void => void process.stderr.write(`hive-queen: ${message}\n`);
