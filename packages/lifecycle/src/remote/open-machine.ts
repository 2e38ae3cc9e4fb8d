import { randomBytes } from "node:crypto";
import { HiveError } from "@hive-registry/contract/errors";
import { type RemoteRan, type RemoteScript, sshConnection } from "../ssh/connection.ts";
import { resolveHost } from "../ssh/resolve.ts";
import type { Artifact, Artifacts } from "./artifacts.ts";
import { bringEngine, isEngineThere, linkEngine, linkTo } from "./engine/bring.ts";
import type { BundledEngine } from "./engine/engine.ts";
import { machineFailed } from "./failure.ts";
import { checkedInWords, jsonOf, readInstalled } from "./installed.ts";
import type { Machine, Preflight, SshHost, StartedHive, Waiting } from "./machine.ts";
import { readPreflight } from "./preflight.ts";
import { LINK_NODE, LOOK, TAKE_FILE } from "./scripts/install.ts";
import { CHECK, ROLL_BACK, START, WORD } from "./scripts/life.ts";
import { readLines } from "./scripts/places.ts";
import { PREFLIGHT } from "./scripts/preflight.ts";
import { UNINSTALL } from "./scripts/uninstall.ts";

/** What hangs there may do so for a while: the preflight's own limits add up to less. */
const PREFLIGHT_LIMIT_MS = 90_000;
const SHORT_LIMIT_MS = 30_000;
/** A hive waits for its workers before it ends. */
const LIFE_LIMIT_MS = 90_000;
const COPY_SILENCE_MS = 60_000;
/** A disk that is filled to the last block helps nobody. */
const DISK_SPARE_BYTES = 16_777_216;
const NOTHING_INSTALLED = 4;

type Said = ReadonlyMap<string, readonly string[]>;

/** A machine that is reached over SSH. Nothing is connected before the first step that needs it. */
export function openMachine(
  deps: { readonly env: Readonly<Record<string, string | undefined>> },
  options: { readonly ssh: SshHost; readonly artifacts: Artifacts },
): Machine {
  const { ssh, artifacts } = options;
  const connection = sshConnection(deps, ssh);
  const { host } = ssh;

  /** Answers with what a script said; one that failed is thrown. */
  const run = async (
    script: RemoteScript,
    waiting: Waiting | undefined,
  ): Promise<RemoteRan & { readonly said: Said }> => {
    const ran = await connection.run(script, waiting);
    const said = readLines(ran.stdout);
    if (ran.code !== 0 && ran.code !== NOTHING_INSTALLED) throw machineFailed(host, script.what, { ...ran, said });
    return { ...ran, said };
  };

  const word = async (args: readonly string[], limitMs: number, waiting: Waiting | undefined) => {
    const [name = ""] = args;
    const { code, said } = await run({ what: `hive ${name}`, script: WORD, args, limitMs }, waiting);
    return code === NOTHING_INSTALLED ? undefined : { said, answer: jsonOf(said.get(name)?.[0] ?? "") };
  };

  const send = async (
    file: Artifact,
    to: { readonly name: string; readonly mode: string; readonly tried: string; readonly what: string },
    waiting: Waiting | undefined,
  ) => {
    const args = [to.name, file.sha256, to.mode, randomBytes(6).toString("hex"), to.tried];
    const input = [{ file: file.path }];
    await run({ what: to.what, script: TAKE_FILE, args, input, limitMs: COPY_SILENCE_MS }, waiting);
  };

  /** A worker is of the same release as its hive, as far as there is one to bring; else it keeps the one that it has. */
  const engineLikeAgent = (found: Preflight) => artifacts.engine(found).catch(() => undefined);

  return {
    resolve: async (waiting) => resolveHost(deps, ssh, waiting),
    connect: async (waiting) => connection.connect(waiting),
    offered: async () => (await artifacts.agent()).version,

    preflight: async ({ queen_url, port }, waiting) => {
      const args = [queen_url, String(port)];
      const script = { what: "Looking at what it has", script: PREFLIGHT, args, limitMs: PREFLIGHT_LIMIT_MS };
      return readPreflight((await run(script, waiting)).stdout, { host, port });
    },

    install: async (found, { with_llama = false }, waiting) => {
      // What cannot be brought is told before anything is.
      const wanted = with_llama ? await artifacts.engine(found) : undefined;
      const agent = await artifacts.agent();
      const look = { what: "Looking at what is installed", script: LOOK, limitMs: SHORT_LIMIT_MS };
      const { said } = await run({ ...look, args: [agent.version, agent.sha256, found.node?.path ?? ""] }, waiting);
      const isWhole = said.get("file")?.[0] === "whole";
      const isLinked = said.get("node")?.[0] === "linked";
      const [link = "", linkOfCurrent = ""] = said.get("engine") ?? [];
      const used = link === "" ? linkOfCurrent : link;
      const engine = wanted ?? (used === "" ? undefined : await engineLikeAgent(found));
      const linkWanted = engine === undefined ? used : linkTo(engine);
      const isEngineWhole = engine === undefined || (await isEngineThere(run, engine, waiting));
      if (isWhole && isLinked && isEngineWhole && link === linkWanted) return nothingToDo(agent, engine);

      const node = found.node === undefined ? await artifacts.node(found, waiting) : undefined;
      const needed = (isWhole ? 0 : agent.bytes) + (node?.bytes ?? 0) + (isEngineWhole ? 0 : engine.disk_bytes);
      const needed_bytes = needed + DISK_SPARE_BYTES;
      if (found.disk_free_bytes < needed_bytes) throw noSpace(host, needed_bytes, found.disk_free_bytes);

      const data = said.get("data")?.[0] ?? "";
      const name = node === undefined ? "" : `node/v${node.version}/bin/node`;
      if (node !== undefined) {
        await send(node, { name, mode: "755", tried: "--version", what: "Bringing Node" }, waiting);
      }
      if (!isWhole) {
        const to = { name: `${agent.version}/hive.mjs`, mode: "644", tried: "", what: "Bringing the hive" };
        await send(agent, to, waiting);
      }
      const path = found.node?.path ?? `${data}/${name}`;
      const args = [agent.version, path, agent.sha256];
      await run({ what: "Naming its Node", script: LINK_NODE, args, limitMs: SHORT_LIMIT_MS }, waiting);
      if (!isEngineWhole) await bringEngine(run, engine, agent.version, waiting);
      if (link !== linkWanted) await linkEngine(run, linkWanted, agent.version, waiting);
      return `${installedLine(agent, isWhole, node, found)}${engineInWords(engine, isEngineWhole)}`;
    },

    start: async (settings, waiting) => {
      const { version } = await artifacts.agent();
      const input = [`${JSON.stringify(settings)}\n`];
      const { said } = await run(
        { what: "Starting the hive", script: START, args: [version], input, limitMs: LIFE_LIMIT_MS },
        waiting,
      );
      return startedFrom(said);
    },
    startAgain: async (waiting) => {
      const started = await word(["start"], LIFE_LIMIT_MS, waiting);
      if (started === undefined) throw notInstalled(host);
      return startedFrom(started.said);
    },
    stop: async (waiting) => {
      const stopped = await word(["stop"], LIFE_LIMIT_MS, waiting);
      return fieldOf(stopped?.answer, "stopped") === true;
    },
    check: async (waiting) => {
      const { version } = await artifacts.agent();
      const script = { what: "Trying the new version", script: CHECK, args: [version], limitMs: LIFE_LIMIT_MS };
      return checkedInWords((await run(script, waiting)).said.get("check")?.[0] ?? "");
    },
    rollBack: async (waiting) => {
      const script = { what: "Going back to the version before", script: ROLL_BACK, limitMs: LIFE_LIMIT_MS };
      return startedFrom((await run(script, waiting)).said);
    },
    status: async (waiting) => {
      const status = await word(["status"], SHORT_LIMIT_MS, waiting);
      return status && readInstalled(status.said.get("status")?.[0] ?? "");
    },
    logs: async ({ tail_bytes }, waiting) => {
      const logs = await word(["logs", "--tail-bytes", String(Math.trunc(tail_bytes))], SHORT_LIMIT_MS, waiting);
      const text = fieldOf(logs?.answer, "text");
      return typeof text === "string" ? text : "";
    },
    uninstall: async (waiting) => {
      const script = { what: "Uninstalling", script: UNINSTALL, limitMs: LIFE_LIMIT_MS };
      return (await run(script, waiting)).said.get("removed")?.[0] === "yes";
    },
    close: async () => connection.close(),
  };
}

function installedLine(agent: Artifact, isWhole: boolean, node: Artifact | undefined, found: Preflight): string {
  const size = `${(agent.bytes / 1e6).toFixed(1)} MB`;
  const brought = isWhole ? `${agent.version} was there` : `${agent.version} brought (${size})`;
  return node === undefined
    ? `${brought}, run by its Node ${found.node?.version}`
    : `${brought}, with Node ${node.version} (${(node.bytes / 1e6).toFixed(0)} MB)`;
}

function nothingToDo({ version }: Artifact, engine: BundledEngine | undefined): string {
  const withEngine = engine === undefined ? "" : `, with the inference engine ${engine.version}`;
  return `${version} is installed already${withEngine}: nothing to do`;
}

function engineInWords(engine: BundledEngine | undefined, wasThere: boolean): string {
  if (engine === undefined) return "";
  const what = wasThere ? "was there" : `brought (${(engine.bytes / 1e6).toFixed(0)} MB)`;
  return `; inference engine ${engine.version} ${what}`;
}

function startedFrom(said: Said): StartedHive {
  const answer = jsonOf(said.get("start")?.[0] ?? "");
  return {
    version: said.get("version")?.[0] ?? "",
    port: Number(fieldOf(answer, "port") ?? 0),
    already_running: fieldOf(answer, "already_running") === true,
  };
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;

function noSpace(host: string, needed: number, free: number): HiveError {
  const inMb = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
  return new HiveError(
    "NO_SPACE",
    `${host} has no room for the hive: it needs ${inMb(needed)}, and ${inMb(free)} are free`,
    {
      details: { needed_bytes: needed, free_bytes: free },
    },
  );
}

const notInstalled = (host: string): HiveError =>
  new HiveError("MACHINE_FAILED", `No hive is installed on ${host}. Add it with: hive add ${host}`);
