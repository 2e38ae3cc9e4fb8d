import type { HiveClient, MachineAdd } from "@hive-registry/client";
import type { JsonFlag } from "../deps.ts";
import { CommandError, EXIT } from "../failure.ts";
import { oneLine } from "../output/text.ts";
import { recordOf } from "./find.ts";
import { exitOf, type FollowDeps, followed } from "./follow.ts";
import { type LifecycleDeps, startHive } from "./lifecycle.ts";
import { hiveIdOf, isHere, parseTarget } from "./target.ts";

export interface AddDeps extends LifecycleDeps, FollowDeps {
  readonly client: LifecycleDeps["client"] & Pick<HiveClient, "addMachine" | "followOperation">;
  /** A file's whole path if it is there, seen from where this command runs; any other name as it is. */
  wholePath(file: string): string;
}

export interface AddFlags extends JsonFlag {
  readonly id?: string;
  readonly port?: number;
  /** `key=value` each. */
  readonly label?: readonly string[];
  readonly publicUrl?: string;
  readonly sshPort?: number;
  readonly user?: string;
  readonly identityFile?: string;
  readonly sshConfig?: string;
  readonly acceptNewHostKey?: boolean;
  readonly takeOver?: boolean;
  readonly service?: boolean;
  readonly withLlama?: boolean;
  readonly dryRun?: boolean;
}

/**
 * `hive add HOST`: the queen puts a hive on the machine, and this shows how. The queen's own machine, where nothing says that ssh is meant,
 * gets its hive as by `hive start`.
 */
export async function add(deps: AddDeps, host: string, flags: AddFlags): Promise<number> {
  if (isHere(host) && !meansSsh(flags)) return startHive(deps, host, flags);
  const machine = machineOf(deps, host, flags);
  const id = flags.id ?? hiveIdOf(machine.ssh.host);
  const operation = await followed(deps, host, () => deps.client.addMachine(id, machine), flags);
  if (operation?.state === "succeeded" && !flags.json) {
    if (flags.dryRun) deps.note(`Nothing was changed. To do it: the same without --dry-run`);
    else await tellSuccess(deps, id);
  }
  return exitOf(operation);
}

/** Whether the machine that one sits at is to be reached by ssh all the same. */
function meansSsh(flags: AddFlags): boolean {
  if ([flags.sshPort, flags.user, flags.identityFile, flags.sshConfig].some((one) => one !== undefined)) return true;
  const { json: _, ...rest } = flags;
  const about = ["id", "port", "label", "publicUrl", "takeOver", "service", "withLlama", "dryRun"] as const;
  if (about.every((name) => rest[name] === undefined)) return false;
  throw new CommandError(
    "localhost is the queen's own machine: `hive start localhost` takes none of these. To reach it by ssh, add --ssh-port 22.",
    EXIT.usage,
  );
}

function machineOf({ wholePath }: AddDeps, text: string, flags: AddFlags): MachineAdd {
  const target = parseTarget(text);
  const user = once("user", target.user, flags.user);
  const port = once("port", target.port, flags.sshPort);
  const yes = (name: "acceptNewHostKey" | "takeOver" | "service" | "withLlama" | "dryRun", field: keyof MachineAdd) =>
    flags[name] ? { [field]: true } : {};
  return {
    ssh: {
      host: target.host,
      ...(port === undefined ? {} : { port }),
      ...(user === undefined ? {} : { user }),
      ...(flags.identityFile === undefined ? {} : { identity_file: wholePath(flags.identityFile) }),
      ...(flags.sshConfig === undefined ? {} : { config_file: wholePath(flags.sshConfig) }),
    },
    ...(flags.port === undefined ? {} : { port: flags.port }),
    ...(flags.label === undefined ? {} : { labels: labelsOf(flags.label) }),
    ...(flags.publicUrl === undefined ? {} : { queen_url: flags.publicUrl }),
    ...yes("acceptNewHostKey", "accept_new_host_key"),
    ...yes("takeOver", "take_over"),
    ...yes("service", "service"),
    ...yes("withLlama", "with_llama"),
    ...yes("dryRun", "dry_run"),
  };
}

/** Said in the machine's name and again by a flag, it must be the same. */
function once<T>(what: string, inName: T | undefined, inFlag: T | undefined): T | undefined {
  if (inName === undefined || inFlag === undefined || inName === inFlag) return inFlag ?? inName;
  throw new CommandError(`Two answers for ssh's ${what}: ${inName} and ${inFlag}. Leave one away.`, EXIT.usage);
}

const labelsOf = (texts: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );

async function tellSuccess({ client, print, note }: AddDeps, id: string): Promise<void> {
  const record = await recordOf(client, id);
  const where =
    record === undefined
      ? ""
      : ` at http://${record.host.includes(":") ? `[${record.host}]` : record.host}:${record.port}`;
  print(oneLine(`${id} runs${where}`));
  note("Next:");
  note(`  hive workers --hive ${oneLine(id)}`);
  note(`  hive worker start MODEL --hive ${oneLine(id)}`);
  note(`  hive logs ${oneLine(id)}`);
}
