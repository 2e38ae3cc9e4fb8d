import { existsSync, realpathSync, rmSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chat as chatWith, HiveAgentClient, HiveClient } from "@hive-registry/client";
import type { Environment } from "@hive-registry/command/places";
import type { CommandDeps } from "./deps.ts";
import type { HiveDeps } from "./fleet/local-hive.ts";
import { type MachineWorld, machineHandlers } from "./machines/handlers.ts";
import { choosePaint, PLAIN } from "./output/paint.ts";
import { type Progress, startProgress } from "./output/progress.ts";
import { isUtf8 } from "./output/sparkline.ts";
import { type StepLines, startStepLines } from "./output/step-lines.ts";
import type { Handlers, QueenFlags, UpFlags } from "./program.ts";
import type { ServerName } from "./servers/commands.ts";
import { localHiveOf, portOf, queenUrlOf, stateDirOf, tokenOf } from "./settings.ts";
import { confirmed, interruptible, interrupts, pause, piped, question } from "./terminal.ts";
import { advertisedWith, refuseOpenWithoutToken } from "./up/advertise.ts";
import type { Names } from "./up/text.ts";

const { env, stdin, stdout, stderr } = process;
const main = fileURLToPath(new URL("./main.js", import.meta.url));

/**
 * The real thing behind each word: this process, its terminal and the network. Commands are imported when they are called, so that
 * none pays for the others' start.
 */
export function handlers(): Handlers {
  const world: MachineWorld = {
    ...{ depsFor, pause, interruptible, write, wholePath, env, exitWith, steps },
    paint: choosePaint(stderr.isTTY, env),
    isTerminal: stdout.isTTY,
    hiveId: () => localHiveOf(env).hiveId,
    confirm: (asked) => confirmed(stdin, stderr, asked),
  };
  return {
    up,
    async down(flags) {
      const { down } = await import("./up/detach.ts");
      const removeFile = (path: string) => rmSync(path, { force: true });
      await down(
        { print, progress, removeFile, names: names(undefined) },
        { stateDir: stateDirOf(flags.stateDir, env) },
      );
    },
    server,
    async ls(flags) {
      const { ls } = await import("./fleet/ls.ts");
      await ls({ ...depsFor(flags), isUtf8: isUtf8(env) }, flags);
    },
    async events(flags) {
      const { events } = await import("./events/events.ts");
      await events({ ...depsFor(flags), interruptible }, flags);
    },
    async workers(flags) {
      const { workers } = await import("./fleet/workers.ts");
      await workers(depsFor(flags), flags);
    },
    async models(flags) {
      const { models } = await import("./fleet/models.ts");
      await models(depsFor(flags), flags);
    },
    async stats(flags) {
      const { stats } = await import("./fleet/stats.ts");
      await stats(depsFor(flags), flags);
    },
    async devices(flags) {
      const { devices } = await import("./fleet/devices.ts");
      await devices(depsFor(flags), flags);
    },
    async top(flags) {
      const { top } = await import("./top/top.ts");
      const isScreen = stdin.isTTY && stdout.isTTY && env.TERM !== "dumb";
      const hasColour = choosePaint(true, env) !== PLAIN;
      const screen = isScreen ? { stdin, stdout, hasColour } : undefined;
      const queenUrl = queenUrlOf(flags.queen, env);
      await top({ ...depsFor(flags), ...{ queenUrl, screen, pause, interruptible, onExit } }, flags);
    },
    async evict(flags) {
      const { evict } = await import("./fleet/liveness.ts");
      exitWith(await evict({ ...depsFor(flags), confirm: world.confirm }, flags));
    },
    async thaw(flags) {
      const { thaw } = await import("./fleet/liveness.ts");
      await thaw(depsFor(flags), flags);
    },
    async route(model, flags) {
      const { route } = await import("./route/route.ts");
      exitWith(await route(depsFor(flags), model, flags));
    },
    async chat(model, prompt, flags) {
      const { chat } = await import("./chat/chat.ts");
      const deps = {
        ...depsFor(flags),
        chat: chatWith,
        write,
        isTerminal: stdout.isTTY,
        piped: (limitBytes: number) => piped(stdin, limitBytes),
        question: () => question(stdin, stderr, "> "),
        interruptible,
        pause,
      };
      exitWith(await chat(deps, { model, prompt, token: tokenOf(flags.tokenFile, env) }, flags));
    },
    async workerStart(model, flags) {
      const { startWorker } = await import("./worker/start.ts");
      exitWith(await startWorker({ ...depsFor(flags), wholePath }, model, flags));
    },
    async workerStop(workerId, flags) {
      const { stopWorker } = await import("./worker/stop.ts");
      await stopWorker(depsFor(flags), workerId, flags);
    },
    async workerLogs(workerId, flags) {
      const { workerLogs } = await import("./worker/logs.ts");
      await workerLogs({ ...depsFor(flags), write, isTerminal: stdout.isTTY, pause, interruptible }, workerId, flags);
    },
    ...machineHandlers(world),
    async simulate(flags) {
      const [{ simulate }, { startTraffic }, { startFakeFleet }] = await Promise.all([
        import("./simulate/fleet.ts"),
        import("./simulate/traffic.ts"),
        import("@hive-registry/simulation"),
      ]);
      const deps = depsFor(flags);
      const named = names(flags.tokenFile).command;
      const command = flags.queen === undefined ? named : `${named} --queen ${flags.queen}`;
      await simulate(
        {
          ...{ ...deps, pause, interruptible, startFleet: startFakeFleet },
          startTraffic: (options) => startTraffic({ client: deps.client, fetch }, options),
        },
        flags,
        { queenUrl: queenUrlOf(flags.queen, env), token: tokenOf(flags.tokenFile, env), command },
      );
    },
    async simulateCompare(flags) {
      const [{ compare }, { DEFAULT_SCENARIO, simulate, simulateCentral, WAYS }] = await Promise.all([
        import("./simulate/compare.ts"),
        import("@hive-registry/simulation"),
      ]);
      const { print, progress, look } = depsFor({});
      const breathe = () => pause(0);
      await compare(
        { ...{ print, progress, look, breathe, simulate, simulateCentral }, ways: WAYS, scenario: DEFAULT_SCENARIO },
        flags,
      );
    },
  };
}

const print = (line: string): void => void stdout.write(`${line}\n`);
const note = (line: string): void => void stderr.write(`${line}\n`);
const write = (text: string): void => void stdout.write(text);
const nowMs = (): number => Date.now();
const exitWith = (code: number): void => {
  process.exitCode = code;
};

function onExit(run: () => void): () => void {
  process.on("exit", run);
  return () => void process.off("exit", run);
}

/** The hive runs in another folder: only a whole path means the same file there. */
const wholePath = (model: string): string => (existsSync(model) ? resolve(model) : model);

/** Steps are told on stderr, so that stdout holds the answer alone. */
const progress = (): Progress => progressTo(note, stderr);

/** What is done at a machine is told like any progress. */
const steps = (): StepLines =>
  startStepLines({ paint: choosePaint(stderr.isTTY, env), nowMs, print: note, draw: drawTo(stderr) });

const drawTo = (stream: NodeJS.WriteStream) =>
  stream.isTTY && env.TERM !== "dumb" ? (text: string) => void stream.write(text) : undefined;

function progressTo(line: (line: string) => void, stream: NodeJS.WriteStream): Progress {
  return startProgress({ paint: choosePaint(stream.isTTY, env), nowMs, print: line, draw: drawTo(stream) });
}

function depsFor(flags: QueenFlags): CommandDeps & HiveDeps {
  const token = tokenOf(flags.tokenFile, env);
  return {
    client: new HiveClient({ baseUrl: queenUrlOf(flags.queen, env), token }),
    hiveAt: (url) => new HiveAgentClient({ baseUrl: url, token }),
    localHive: localHiveOf(env),
    print,
    note,
    progress,
    look: { paint: choosePaint(stdout.isTTY, env), width: stdout.isTTY ? stdout.columns : undefined },
    nowMs,
  };
}

async function server(name: ServerName, args: readonly string[], flags: QueenFlags): Promise<void> {
  const [{ runInForeground }, { serverCommand }] = await Promise.all([
    import("./servers/foreground.ts"),
    import("./servers/commands.ts"),
  ]);
  // Said before the server's name, as for any other command.
  const queen = flags.queen === undefined || name === "queen" ? [] : ["--queen", flags.queen];
  const token = flags.tokenFile === undefined ? [] : ["--token-file", flags.tokenFile];
  exitWith(await runInForeground([...serverCommand(name), ...queen, ...token, ...args], env));
}

async function up(flags: UpFlags): Promise<void> {
  const [
    { up },
    { whatRuns },
    { claimUpState, markOfUp, runningUp },
    { alreadyRuns },
    { startServer },
    { serverCommand },
    wait,
  ] = await Promise.all([
    import("./up/up.ts"),
    import("./up/running.ts"),
    import("./up/state.ts"),
    import("./up/text.ts"),
    import("./servers/server-process.ts"),
    import("./servers/commands.ts"),
    import("./up/wait.ts"),
  ]);
  const token = tokenOf(flags.tokenFile, env);
  const stateDir = stateDirOf(flags.stateDir, env);
  const port = flags.port ?? portOf("HIVE_QUEEN_PORT", 7833, env);
  const listen = flags.listen ?? (env.HIVE_QUEEN_LISTEN || undefined);
  refuseOpenWithoutToken(listen, token);
  const clientAt = (baseUrl: string) => new HiveClient({ baseUrl, token });
  const named = names(flags.tokenFile);

  const running = await whatRuns({ clientAt, nowMs, names: named }, { stateDir, port, listen });
  if (running !== undefined) return print(running);

  const workerWaitMs = flags.wait === undefined ? wait.WORKER_WAIT_MS : flags.wait * 1_000;
  if (flags.detach) {
    const { detach } = await import("./up/detach.ts");
    const command = [process.execPath, main, "up", ...inForeground(flags)];
    const deps = { print, note, nowMs, pause, names: named, progress: () => progressTo(print, stderr) };
    return exitWith(await detach(deps, { stateDir, command, env, workerWaitMs }));
  }
  const interrupt = interrupts();
  const file = claimUpState(stateDir, nowMs());
  if (file === undefined) {
    const other = runningUp(stateDir);
    return print(
      other === undefined ? "Another hive up has just ended: try again." : alreadyRuns(other, nowMs(), named),
    );
  }
  const mark = markOfUp(stateDir);
  const start = (name: ServerName, args: readonly string[]) =>
    startServer({
      name,
      command: [...serverCommand(name), ...args],
      env: { ...environmentFor(name), ...mark },
      logFile: join(stateDir, "logs", `${name}.log`),
      alsoTo: flags.verbose ? (text) => void stderr.write(text) : undefined,
    });
  const deps = {
    ...{ print, note, nowMs, pause, names: named, start, clientAt, interrupt },
    hiveAt: (baseUrl: string) => new HiveAgentClient({ baseUrl, token }),
    progress: (line: (line: string) => void) => progressTo(line, stderr),
  };
  const options = {
    ...{ port, listen, stateDir, workerWaitMs },
    hivePort: flags.hivePort ?? portOf("HIVE_PORT", 7835, env),
    tokenFile: flags.tokenFile ?? (env.HIVE_TOKEN_FILE || undefined),
    models: (flags.model ?? []).map(wholePath),
    demo: flags.demo,
    id: flags.id,
    advertise: flags.advertise ?? (env.HIVE_ADVERTISE || advertisedWith(listen, networkInterfaces())),
  };
  exitWith(await up(deps, file, options));
}

/** The queen's own settings are not the hive's, where both read the same variable: what `up` means it passes as a flag. */
function environmentFor(name: ServerName): NodeJS.ProcessEnv {
  if (name === "queen") return env;
  const { HIVE_CONFIG: _config, ...rest } = env;
  return rest;
}

/** The words of the same `hive up` without `--detach`. */
function inForeground(flags: UpFlags): string[] {
  const word = (name: string, value: string | number | undefined) => (value === undefined ? [] : [name, String(value)]);
  return [
    ...word("--port", flags.port),
    ...word("--hive-port", flags.hivePort),
    ...word("--listen", flags.listen),
    ...word("--advertise", flags.advertise),
    ...word("--state-dir", flags.stateDir),
    ...word("--token-file", flags.tokenFile),
    ...(flags.model ?? []).flatMap((model) => ["--model", wholePath(model)]),
    ...(flags.demo ? [] : ["--no-demo"]),
    ...word("--id", flags.id),
    ...word("--wait", flags.wait),
    ...(flags.verbose ? ["--verbose"] : []),
  ];
}

/** How a person calls this program again: `hive` where the shell finds it, else through npx. */
function names(tokenFile: string | undefined): Names {
  const file = tokenFile ?? (env.HIVE_TOKEN_FILE || undefined);
  const token = file === undefined ? (env.HIVE_TOKEN ? ("environment" as const) : undefined) : { file };
  return { command: isOnPath(env) ? "hive" : "npx hive", token };
}

function isOnPath({ PATH = "" }: Environment): boolean {
  // npm puts this folder into the path of its scripts; the shell that called npm does not have it.
  const folders = PATH.split(delimiter).filter(
    (folder) => folder !== "" && !folder.endsWith(join("node_modules", ".bin")),
  );
  return folders.some((folder) => {
    try {
      return realpathSync(join(folder, "hive")) === realpathSync(main);
    } catch {
      return false;
    }
  });
}
