import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const SCRIPT = fileURLToPath(new URL("./fake-nvidia-smi.mjs", import.meta.url));

export interface Play {
  readonly gpus?: readonly string[];
  readonly apps?: readonly string[];
  readonly between?: readonly string[];
  readonly words?: string;
  readonly exit?: number;
  readonly hang?: boolean;
  readonly hang_apps?: boolean;
  readonly refuse?: string;
  readonly rounds?: number;
  readonly then?: "hang";
  /** By the end of a UUID: what it prints when that GPU is asked by itself. */
  readonly alone?: Readonly<Record<string, string>>;
  /** What `-q` and `-L` print. */
  readonly query?: string;
  readonly list?: string;
}

export interface FakeNvidiaSmi {
  /** What to run. */
  readonly command: string;
  /** From its next start on it does this. */
  play(play: Play): void;
  /** One line for each time it was started: its pid and arguments. */
  calls(): string[];
}

/** A program that behaves like nvidia-smi, well or badly. */
export function aNvidiaSmi(first: Play): FakeNvidiaSmi {
  const dir = mkdtempSync(join(tmpdir(), "hive-smi-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const playFile = join(dir, "play.json");
  const callsFile = join(dir, "calls");
  const command = join(dir, "nvidia-smi");
  const play = (what: Play): void => writeFileSync(playFile, JSON.stringify({ ...what, calls: callsFile }));
  writeFileSync(callsFile, "");
  writeFileSync(command, `#!/bin/sh\nFAKE_NVIDIA_SMI='${playFile}' exec '${process.execPath}' '${SCRIPT}' "$@"\n`);
  chmodSync(command, 0o755);
  play(first);
  return { command, play, calls: () => readFileSync(callsFile, "utf8").split("\n").filter(Boolean) };
}

/** A line with all columns; the parts that a story is about can be given. */
export function gpuLine(
  part: Partial<Record<"index" | "uuid" | "name" | "total" | "used" | "free" | "use" | "mig", string | number>> = {},
): string {
  const { index = 0, name = "NVIDIA H100 80GB HBM3", total = 81_559, used = 559, free = 81_000, use = 12 } = part;
  const uuid = part.uuid ?? `GPU-11111111-aaaa-bbbb-cccc-00000000000${index}`;
  return [
    index,
    uuid,
    name,
    total,
    used,
    free,
    use,
    59,
    433.78,
    "590.48.01",
    "00000000:04:00.0",
    "9.0",
    part.mig ?? "Disabled",
  ].join(", ");
}
