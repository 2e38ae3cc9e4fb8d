import { randomBytes } from "node:crypto";
import type { RemoteScript } from "../../ssh/connection.ts";
import type { Waiting } from "../machine.ts";
import { LINK_ENGINE, LOOK_AT_ENGINE, TAKE_ENGINE } from "../scripts/engine.ts";
import type { BundledEngine } from "./engine.ts";

/** All its files are read there, several hundred MB where it is for GPUs. */
const READ_LIMIT_MS = 90_000;
const LINK_LIMIT_MS = 30_000;

/** Runs a script on the machine and answers what it said. */
export type Run = (
  script: RemoteScript,
  waiting: Waiting | undefined,
) => Promise<{ readonly said: ReadonlyMap<string, readonly string[]> }>;

/** Whether an engine is there whole, file by file. */
export async function isEngineThere(
  run: Run,
  { version, sha256 }: BundledEngine,
  waiting: Waiting | undefined,
): Promise<boolean> {
  const script = { what: "Looking at its inference engine", script: LOOK_AT_ENGINE, limitMs: READ_LIMIT_MS };
  return (await run({ ...script, args: [version, sha256] }, waiting)).said.get("engine")?.[0] === "whole";
}

/** @throws {HiveError} `ENGINE_MISSING` when llama.cpp does not run there; then nothing is left of it. */
export async function bringEngine(
  run: Run,
  { version, sha256, input }: BundledEngine,
  hive: string,
  waiting: Waiting | undefined,
): Promise<void> {
  const args = [version, sha256, hive, randomBytes(6).toString("hex")];
  const script = { what: "Bringing the inference engine", script: TAKE_ENGINE, limitMs: READ_LIMIT_MS };
  await run({ ...script, args, input }, waiting);
}

/** Lets a version of the hive use the engine that a link names. */
export async function linkEngine(run: Run, link: string, hive: string, waiting: Waiting | undefined): Promise<void> {
  const script = { what: "Naming its inference engine", script: LINK_ENGINE, limitMs: LINK_LIMIT_MS };
  await run({ ...script, args: [hive, link] }, waiting);
}

export const linkTo = ({ version }: BundledEngine): string => `../engines/${version}/node_modules`;
