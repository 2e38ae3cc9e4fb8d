import { Command, InvalidArgumentError, Option } from "commander";
import type { ChatFlags } from "./chat/chat.ts";
import type { JsonFlag } from "./deps.ts";
import type { EventsFlags } from "./events/events.ts";
import type { EvictFlags } from "./fleet/liveness.ts";
import type { HiveChoice } from "./fleet/local-hive.ts";
import type { LsFlags } from "./fleet/ls.ts";
import type { WorkersFlags } from "./fleet/workers.ts";
import { type MachineHandlers, machineWords } from "./machines/words.ts";
import { RULES } from "./route/candidates.ts";
import type { RouteFlags } from "./route/route.ts";
import type { ServerName } from "./servers/commands.ts";
import type { CompareFlags } from "./simulate/compare.ts";
import type { SimulateFlags } from "./simulate/fleet.ts";
import type { TopFlags } from "./top/top.ts";
import {
  collect,
  collectLabels,
  decimal,
  listing,
  merged,
  port,
  type QueenFlags,
  seconds,
  wholeNumber,
  withQueen,
} from "./words.ts";
import type { LogsFlags } from "./worker/logs.ts";
import type { StartFlags } from "./worker/start.ts";

export interface UpFlags {
  readonly detach?: boolean;
  readonly port?: number;
  readonly hivePort?: number;
  readonly listen?: string;
  readonly advertise?: string;
  readonly stateDir?: string;
  readonly tokenFile?: string;
  readonly model?: readonly string[];
  readonly demo: boolean;
  readonly id?: string;
  readonly wait?: number;
  readonly verbose?: boolean;
}

export type { QueenFlags } from "./words.ts";

/** What each command does, once its words are understood. */
export interface Handlers extends MachineHandlers {
  up(flags: UpFlags): Promise<void>;
  down(flags: { readonly stateDir?: string }): Promise<void>;
  server(name: ServerName, args: readonly string[], flags: QueenFlags): Promise<void>;
  ls(flags: QueenFlags & LsFlags): Promise<void>;
  events(flags: QueenFlags & EventsFlags): Promise<void>;
  workers(flags: QueenFlags & WorkersFlags): Promise<void>;
  models(flags: QueenFlags & JsonFlag): Promise<void>;
  stats(flags: QueenFlags & JsonFlag): Promise<void>;
  top(flags: QueenFlags & TopFlags): Promise<void>;
  evict(flags: QueenFlags & EvictFlags): Promise<void>;
  thaw(flags: QueenFlags & JsonFlag): Promise<void>;
  devices(flags: QueenFlags & JsonFlag & HiveChoice): Promise<void>;
  route(model: string, flags: QueenFlags & RouteFlags): Promise<void>;
  chat(model: string | undefined, prompt: string | undefined, flags: QueenFlags & ChatFlags): Promise<void>;
  workerStart(model: string, flags: QueenFlags & StartFlags): Promise<void>;
  workerStop(workerId: string, flags: QueenFlags & HiveChoice): Promise<void>;
  workerLogs(workerId: string, flags: QueenFlags & LogsFlags): Promise<void>;
  simulate(flags: QueenFlags & SimulateFlags): Promise<void>;
  simulateCompare(flags: CompareFlags): Promise<void>;
}

/** The words of the command line. Wrong ones throw commander's error; it has told its reason by then. */
export function program(handlers: Handlers, version: string): Command {
  const hive = new Command("hive")
    .description("One queen knows every GPU machine you own and every inference worker on it.")
    .version(version)
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError("(add --help to see what it takes)");
  withQueen(hive);

  servers(hive, handlers);
  listings(hive, handlers);
  inference(hive, handlers);
  workerCommands(hive, handlers);
  machineWords(hive, handlers);
  liveness(hive, handlers);
  simulation(hive, handlers);
  return hive;
}

function servers(hive: Command, handlers: Handlers): void {
  hive.commandsGroup("Servers:");
  hive
    .command("up")
    .description("a queen and this machine's hive; prints the address and what to try next")
    .option("-d, --detach", "in the background; `hive down` ends it")
    .option("--port <n>", "the queen's port, 0 for any free one (7833)", port)
    .option("--hive-port <n>", "the hive's port, 0 for any free one (7835)", port)
    .option("--listen <host>", "address the queen listens on; any but this machine's own demands a token")
    .option("--advertise <host>", "name or address by which others reach this machine's workers (default: of --listen)")
    .option("--state-dir <dir>", "catalog, logs and pid files")
    .option("--token-file <file>", "the fleet's token; only its owner may read the file")
    .option("--model <file>", "a model to load at once; may be given several times", collect)
    .option("--no-demo", "no demonstration model where there is no other")
    .option("--id <name>", "the hive's id (the machine's name)")
    .option("--wait <seconds>", "how long to wait for a worker", seconds)
    .option("-v, --verbose", "show the servers' logs")
    .action((flags) => handlers.up(flags));
  hive
    .command("down")
    .description("ends what `hive up` started")
    .option("--state-dir <dir>", "as given to `hive up`")
    .action((flags) => handlers.down(flags));
  passedOn(hive.command("queen"), "the queen alone, in the foreground").action((args: string[]) =>
    handlers.server("queen", args, hive.opts()),
  );
  passedOn(hive.command("agent"), "this machine's hive alone, in the foreground (--queen URL, repeatable)").action(
    (args: string[]) => handlers.server("hive", args, hive.opts()),
  );
}

function listings(hive: Command, handlers: Handlers): void {
  hive.commandsGroup("What is there:");
  listing(hive, "ls", "hives: who answers, what they hold")
    .option("-w, --wide", "also the last hour: GPU, VRAM, heartbeats")
    .action((flags) => handlers.ls(merged(hive, flags)));
  listing(hive, "workers", "inference workers and their addresses")
    .option("--state <state>", "idle, busy or loading")
    .option("--model <model>", "those that have it loaded")
    .option("--backend <backend>", "cuda, cpu, metal …")
    .option("--hive <id>", "those on one hive")
    .action((flags) => handlers.workers(merged(hive, flags)));
  listing(hive, "models", "what can be asked for").action((flags) => handlers.models(merged(hive, flags)));
  listing(hive, "devices", "what this machine computes with")
    .option("--hive <id>", "another machine's, by its hive's id")
    .action((flags) => handlers.devices(merged(hive, flags)));
  listing(hive, "stats", "the fleet in numbers").action((flags) => handlers.stats(merged(hive, flags)));
  withQueen(hive.command("top"))
    .description("the fleet as it is, all the time; q ends it")
    .option("--once", "print it once, as where there is no terminal")
    .action((flags) => handlers.top(merged(hive, flags)));
  listing(hive, "events", "what happened, and what happens until Ctrl-C")
    .option("--no-follow", "only what happened")
    .option("--type <type>", "hive, worker, operation …, or one of their kinds: worker.failed")
    .option("--hive <id>", "of one hive")
    .addOption(new Option("--level <level>", "this and what matters more").choices(["info", "warning", "error"]))
    .option("--limit <n>", "of what happened (20)", wholeNumber)
    .action((flags) => handlers.events(merged(hive, flags)));
}

function liveness(hive: Command, handlers: Handlers): void {
  hive.commandsGroup("Who is alive:");
  listing(hive, "evict", "forget all hives that are silent now, without waiting")
    .option("-y, --yes", "do not ask")
    .action((flags) => handlers.evict(merged(hive, flags)));
  listing(hive, "thaw", "let silent hives be forgotten again, where most of the fleet fell silent together").action(
    (flags) => handlers.thaw(merged(hive, flags)),
  );
}

function inference(hive: Command, handlers: Handlers): void {
  hive.commandsGroup("Inference:");
  listing(hive, "route", "which worker would serve a model, and why")
    .argument("<model>")
    .option("--explain", "also how full each worker is")
    .addOption(new Option("--policy <name>", "how to choose").choices(Object.keys(RULES)))
    .option("--backend <backend>", "only cuda, cpu, metal …")
    .option("--hive <id>", "only one hive's")
    .option("--label <key=value>", "only hives with this label; may be given several times", collectLabels)
    .option("--exclude <worker>", "not this one; may be given several times", collect)
    .option("--session <name>", "with --policy session: whose")
    .action((model: string, flags) => handlers.route(model, merged(hive, flags)));
  withQueen(hive.command("chat"))
    .description("talk to the best worker, directly; without a prompt a conversation, or what stdin holds")
    .argument("[model]", "may be left out when there is only one")
    .argument("[prompt]")
    .option("--system <text>", "what the model is told first")
    .option("--max-tokens <n>", "the longest answer", wholeNumber)
    .option("--temperature <t>", "0 is always the same answer", decimal)
    .option("--seed <n>", "the same seed, the same answer", wholeNumber)
    .action((model: string | undefined, prompt: string | undefined, flags) =>
      handlers.chat(model, prompt, merged(hive, flags)),
    );
}

function workerCommands(hive: Command, handlers: Handlers): void {
  hive.commandsGroup("Workers:");
  const worker = hive.command("worker").description("start, stop and watch workers");
  listing(worker, "start", "load a model where there is room, or on --hive ID")
    .argument("<model>", "a GGUF file here, or the name of one in a hive's models folder")
    .option("--hive <id>", "the hive that starts it (of a file here, this machine's; of a name, the one with room)")
    .option("--id <id>", "the worker's id")
    .option("--alias <name>", "what clients call the model (the file's name)")
    .option("--slots <n>", "requests at once", wholeNumber)
    .option("--context-tokens <n>", "context of each request", wholeNumber)
    .option("--device <n>", "number of a GPU, as `hive devices` shows it", wholeNumber)
    .option("--engine <name>", "inference server (llama-cpp)")
    .option("--backend <name>", "only on devices of this kind: cuda, cpu …")
    .option("--memory-gb <n>", "what it needs (estimated from its file)", decimal)
    .action((model: string, flags) => handlers.workerStart(model, merged(hive, flags)));
  withQueen(worker.command("stop"))
    .description("end a worker")
    .argument("<id>")
    .option("--hive <id>", "the hive it runs on (this machine's)")
    .action((id: string, flags) => handlers.workerStop(id, merged(hive, flags)));
  withQueen(worker.command("logs"))
    .description("the end of a worker's log")
    .argument("<id>")
    .option("--hive <id>", "the hive it runs on (this machine's)")
    .option("-f, --follow", "and what is added to it, until Ctrl-C")
    .action((id: string, flags) => handlers.workerLogs(id, merged(hive, flags)));
}

function simulation(hive: Command, handlers: Handlers): void {
  hive.commandsGroup("To try it out:");
  const simulate = withQueen(hive.command("simulate"))
    .description("fake hives and workers on real sockets, for the queen that runs; `compare` needs none")
    .option("--hives <n>", "hives", wholeNumber, 4)
    .option("--workers <n>", "workers on each hive", wholeNumber, 2)
    .option("--slots <n>", "requests at once in each worker", wholeNumber, 4)
    .option("--model <name>", "what they serve, dealt out in turn; may be given several times (fake-model)", collect)
    .option("--tokens-per-second <n>", "pace of each answer", decimal, 40)
    .option("--answer-tokens <n>", "length of an answer", wholeNumber, 40)
    .option("--loading <seconds>", "how long a worker loads its model at first", decimal)
    .option("--fault <kind>", "hang, die, refuse or slow; may be given several times", collectOf(FAULTS))
    .option("--fault-share <share>", "of the requests that a fault meets, 0 to 1", decimal, 0.1)
    .option("--requests <n>", "a second, from clients that ask the queen for a place", decimal, 0)
    .option("--seconds <n>", "ends by itself after so long", seconds)
    .option("--seed <n>", "the same seed, the same names, faults and pauses", wholeNumber, 1)
    .action((flags) => handlers.simulate(merged(hive, flags)));
  simulate
    .command("compare")
    .description("how long requests wait with each way of choosing a worker, on a clock of its own")
    .option("--hives <n>", "hives", wholeNumber, 25)
    .option("--workers <n>", "workers on each hive", wholeNumber, 4)
    .option("--slots <n>", "requests at once in each worker", wholeNumber, 1)
    .option("--load <share>", "of all slots that is asked for; may be given several times (0.7, 0.9)", collectDecimal)
    .option("--beat <seconds>", "between two heartbeats of a hive", decimal, 5)
    .option("--queens <n>", "queens that do not know of each other's reservations", wholeNumber, 1)
    .option("--requests <n>", "requests in all", wholeNumber, 20_000)
    .option("--prefixes <n>", "how many beginnings prompts share; shows who remembers them", wholeNumber)
    .option("--way <name>", "only this one; may be given several times", collectOf(WAYS))
    .option("--seed <n>", "the same seed, the same table", wholeNumber, 1)
    .option("--json", "for programs")
    .action((flags) => handlers.simulateCompare(flags));
}

/** A server's own program reads its words, also --help. */
function passedOn(command: Command, description: string): Command {
  return command
    .description(description)
    .argument("[flags...]", "as the server takes them: --help lists them")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions();
}

const collectDecimal = (value: string, before: readonly number[] | undefined): number[] => [
  ...(before ?? []),
  decimal(value),
];

/** As the simulation has them; written here because loading it takes longer than most commands. */
const FAULTS = ["hang", "die", "refuse", "slow"];
const WAYS = ["random", "seed-rule", "route", "best", "least-load", "power-of-two", "round-robin", "session", "prefix"];

function collectOf(names: readonly string[]): (value: string, before: readonly string[] | undefined) => string[] {
  return (value, before) => {
    if (names.includes(value)) return collect(value, before);
    throw new InvalidArgumentError(`It must be one of ${names.join(", ")}.`);
  };
}
