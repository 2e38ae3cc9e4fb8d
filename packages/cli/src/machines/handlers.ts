import { readFileSync, statSync } from "node:fs";
import { defaultConfigFile, type Environment } from "@hive-registry/command/places";
import type { WantedMachine } from "@hive-registry/lifecycle/fleet";
import type { CommandDeps } from "../deps.ts";
import { CommandError, EXIT } from "../failure.ts";
import type { Paint } from "../output/paint.ts";
import type { StepLines } from "../output/step-lines.ts";
import { checkedUrl } from "../settings.ts";
import type { QueenFlags } from "../words.ts";
import type { ApplyWords, MachineHandlers } from "./words.ts";

/** What machines need beyond what every command may use. */
export interface MachineWorld {
  depsFor(flags: QueenFlags): CommandDeps;
  steps(): StepLines;
  /** For lines on stderr. */
  readonly paint: Paint;
  pause(ms: number): Promise<void>;
  interruptible(): { readonly signal: AbortSignal; end(): void };
  confirm(question: string): Promise<boolean | undefined>;
  write(text: string): void;
  readonly isTerminal: boolean;
  wholePath(file: string): string;
  readonly env: Environment;
  /** The id of this machine's hive. */
  hiveId(): string;
  exitWith(code: number): void;
}

/** A file that is larger is no list of machines, bytes. */
const HIVES_CONF_BYTES_MAX = 4_194_304;

/** The real thing behind each word about machines. */
export function machineHandlers(world: MachineWorld): MachineHandlers {
  const { exitWith } = world;
  const deps = (flags: QueenFlags) => ({ ...world, ...world.depsFor(flags), hiveId: world.hiveId() });
  return {
    async add(host, flags) {
      const { add } = await import("./add.ts");
      if (flags.publicUrl !== undefined) checkedUrl(flags.publicUrl, "--public-url");
      exitWith(await add(deps(flags), host, flags));
    },
    async apply(flags) {
      const [{ apply }, fleet] = await Promise.all([import("./apply.ts"), import("@hive-registry/lifecycle/fleet")]);
      if (flags.publicUrl !== undefined) checkedUrl(flags.publicUrl, "--public-url");
      const file = flags.file ?? defaultConfigFile(world.env, "hives.conf");
      const wanted = () => {
        try {
          return fleet.parseHivesConf(textOf(file), file).map((one) => forAll(one, flags, world));
        } catch (error) {
          throw error instanceof fleet.HivesConfError ? new CommandError(error.message) : error;
        }
      };
      exitWith(await apply({ ...deps(flags), wanted, plan: fleet.plan }, flags));
    },
    async machine(verb, host, flags) {
      const { askMachine, restartHive, startHive } = await import("./lifecycle.ts");
      if (verb === "start") exitWith(await startHive(deps(flags), host, flags));
      else if (verb === "restart") exitWith(await restartHive(deps(flags), host, flags));
      else exitWith(await askMachine(deps(flags), verb, host, flags));
    },
    async remove(host, flags) {
      const { removeMachine } = await import("./remove.ts");
      exitWith(await removeMachine(deps(flags), host, flags));
    },
    async machineStatus(host, flags) {
      const { machineStatus } = await import("./status.ts");
      exitWith(await machineStatus(deps(flags), host, flags));
    },
    async hiveLogs(host, flags) {
      const { hiveLogs } = await import("./status.ts");
      exitWith(await hiveLogs(deps(flags), host, flags));
    },
    async operations(flags) {
      const { operations } = await import("./operations.ts");
      await operations(deps(flags), flags);
    },
    async cancel(id, flags) {
      const { cancel } = await import("./operations.ts");
      exitWith(await cancel(deps(flags), id));
    },
  };
}

function textOf(file: string): string {
  try {
    if (statSync(file).size > HIVES_CONF_BYTES_MAX)
      throw new CommandError(`${file} is no list of machines: too large.`);
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ENOENT") throw new CommandError(`${file} cannot be read (${String(code ?? error)}).`);
    throw new CommandError(
      `There is no ${file}. Write the machines into it, a line for each: Host NAME   Then again: hive apply`,
      EXIT.failed,
    );
  }
}

/** What the command line says for all machines of the file. */
function forAll(wanted: WantedMachine, flags: ApplyWords, { wholePath }: MachineWorld): WantedMachine {
  const { machine } = wanted;
  const { sshConfig, publicUrl } = flags;
  return {
    ...wanted,
    machine: {
      ...machine,
      ssh: { ...machine.ssh, ...(sshConfig === undefined ? {} : { config_file: wholePath(sshConfig) }) },
      ...(publicUrl === undefined ? {} : { queen_url: publicUrl }),
      ...(flags.acceptNewHostKey ? { accept_new_host_key: true } : {}),
    },
  };
}
