import {
  cannotListen,
  createLog,
  EXIT_FAILED,
  EXIT_OK,
  EXIT_USAGE,
  readToken,
  SettingError,
  stopSignals,
} from "@hive-registry/command";
import { Command, CommanderError } from "commander";
import { type RunningHive, startHive } from "./agent.ts";
import { type Given, readSettings, type Settings } from "./config/settings.ts";
import { demandsToken } from "./http/guard.ts";
import { VERSION } from "./version.ts";

/** Runs the agent until it is told to stop. Answers the exit code. `argv` as `process.argv`. */
export async function runAgent(argv: readonly string[]): Promise<number> {
  let settings: Settings;
  let token: string | undefined;
  try {
    const flags = parseFlags(argv);
    if (flags === undefined) return EXIT_OK;
    settings = readSettings(flags.given, process.env, flags.config);
    token = readToken(settings.tokenFile, process.env);
    if (demandsToken(settings.listen) && token === undefined && settings.fleetTokenSha256 === undefined) {
      throw new SettingError(
        `--listen ${settings.listen} needs a token, so that not everybody there can start workers: set HIVE_TOKEN or --token-file`,
      );
    }
  } catch (error) {
    if (error instanceof CommanderError) return EXIT_USAGE;
    if (!(error instanceof SettingError)) throw error;
    complain(error.message);
    return EXIT_USAGE;
  }

  const log = createLog("hive", settings.logLevel);
  const asked = stopSignals();
  let hive: RunningHive;
  try {
    hive = await startHive({ log }, { ...settings, token });
  } catch (error) {
    complain(whyNot(error, settings));
    return EXIT_FAILED;
  }
  process.stdout.on("error", () => {});
  process.stdout.write(`listening on ${hive.url}\n`);
  const last = (error: unknown): void => {
    log.fatal({ err: error }, "the hive ends because of a defect");
    hive.kill();
    process.exit(EXIT_FAILED);
  };
  process.on("uncaughtException", last).on("unhandledRejection", last);

  await Promise.race([asked.first, hive.shutdownAsked]);
  void asked.second.then(() => {
    hive.kill();
    process.exit(EXIT_FAILED);
  });
  await hive.stop();
  return EXIT_OK;
}

/** Undefined when help or the version was asked for and given. */
function parseFlags(
  argv: readonly string[],
): { readonly given: Given; readonly config: string | undefined } | undefined {
  const command = new Command("hive-agent")
    .description("The agent on one machine: finds its devices, runs its workers, tells the queens.")
    .version(VERSION)
    .option("--queen <url>", "a queen to tell; may be given several times (default: http://127.0.0.1:7833)", append)
    .option("--id <name>", "what this machine is called (default: its host name)")
    .option("--port <number>", "port of the hive's own API; 0 is any free one (default: 7835)")
    .option(
      "--listen <host>",
      "address of the hive's own API; beyond loopback it demands the token (default: 127.0.0.1)",
    )
    .option(
      "--advertise <host>",
      "name or address by which others reach this machine (default: the one towards the queen)",
    )
    .option("--state-dir <dir>", "where logs, pid files and the demonstration model lie")
    .option("--config <file>", "settings file (default: hive.toml in the configuration folder)")
    .option("--token-file <file>", "file that holds the fleet's token, mode 0600 (or HIVE_TOKEN)")
    .option("--model <file>", "a GGUF model to serve from the start; may be given several times", append)
    .option("--no-demo", "no demonstration worker when there is no other")
    .option("--models-dir <dir>", "where models are looked for by name")
    .option("--worker-port-start <number>", "workers take the first free ports from here; 0 is any (default: 9300)")
    .option("--nvidia-smi <path>", "the nvidia-smi to ask (default: the one in the PATH)")
    .option("--no-discover", "no look for inference servers that run here already")
    .option("--probe-interval-ms <number>", "how often found servers are asked how they stand (default: 1000)")
    .option("--server <url>", "an inference server to use, here or elsewhere; may be given several times", append)
    .option("--label <key=value>", "a label of this machine; may be given several times", append)
    .option("--log-level <level>", "fatal, error, warn, info, debug, trace or silent (default: info)")
    .allowExcessArguments(false)
    .exitOverride();
  try {
    command.parse(argv);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    throw error;
  }
  const { queen, id, port, listen, advertise, stateDir, config, tokenFile, model, demo, discover, ...more } =
    command.opts();
  return {
    config,
    given: {
      ...{ queen, id, port, listen, advertise, model },
      ...{ state_dir: stateDir, token_file: tokenFile, models_dir: more.modelsDir, log_level: more.logLevel },
      ...{ worker_port_start: more.workerPortStart, nvidia_smi: more.nvidiaSmi, server: more.server },
      ...{ probe_interval_ms: more.probeIntervalMs, labels: more.label },
      // Only the flag says no; that it is absent says nothing.
      ...(demo === false && { demo: false }),
      ...(discover === false && { discover: false }),
    },
  };
}

const append = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

const whyNot = (error: unknown, settings: Settings): string =>
  cannotListen(error, settings) ?? (error instanceof Error ? error.message : String(error));

const complain = (message: string): void => void process.stderr.write(`hive-agent: ${message}\n`);
