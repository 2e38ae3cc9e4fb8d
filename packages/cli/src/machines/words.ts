import type { Command } from "commander";
import type { JsonFlag } from "../deps.ts";
import { collectLabels, listing, merged, port, type QueenFlags, wholeNumber, withQueen } from "../words.ts";
import type { AddFlags } from "./add.ts";
import type { ApplyFlags } from "./apply.ts";
import type { RemoveFlags } from "./remove.ts";

/** Of `hive apply`: what holds for all machines of the file. */
export interface ApplyWords extends ApplyFlags {
  readonly file?: string;
  readonly publicUrl?: string;
  readonly sshConfig?: string;
  readonly acceptNewHostKey?: boolean;
}

/** What each word about machines does. */
export interface MachineHandlers {
  add(host: string, flags: QueenFlags & AddFlags): Promise<void>;
  apply(flags: QueenFlags & ApplyWords): Promise<void>;
  machine(verb: MachineVerb, host: string, flags: QueenFlags & JsonFlag): Promise<void>;
  remove(host: string, flags: QueenFlags & RemoveFlags): Promise<void>;
  machineStatus(host: string, flags: QueenFlags & JsonFlag): Promise<void>;
  hiveLogs(host: string, flags: QueenFlags & { readonly tailBytes?: number }): Promise<void>;
  operations(flags: QueenFlags & JsonFlag): Promise<void>;
  cancel(id: string, flags: QueenFlags): Promise<void>;
}

export type MachineVerb = "start" | "stop" | "restart" | "install" | "update";

const VERBS: readonly (readonly [MachineVerb, string])[] = [
  ["start", "start a machine's hive in the background (localhost: the queen's own machine)"],
  ["stop", "end a machine's hive and its workers"],
  ["restart", "end it and start it again"],
  ["install", "bring the queen's version to a machine of the catalog, and start it"],
  ["update", "the queen's version in place of the one there; back to that one when it is not heard"],
];

export function machineWords(hive: Command, handlers: MachineHandlers): void {
  hive.commandsGroup("Machines:");
  forAll(listing(hive, "add", "put a hive on a machine, by ssh"))
    .argument("<host>", "as ssh takes it: an alias, HOST, USER@HOST:PORT")
    .option("--id <name>", "the hive's id (the host's name)")
    .option("--port <n>", "the hive's port there, 0 for any free one (7835)", port)
    .option("--label <key=value>", "what requests can ask for; may be given several times", collectLabels)
    .option("--ssh-port <n>", "ssh's port", port)
    .option("--user <name>", "ssh's user")
    .option("--identity-file <file>", "ssh's key, on the queen's machine")
    .option("--take-over", "also where another queen's hive is")
    .option("--service", "as a service of the user (systemd, launchd), which starts with the machine")
    .option("--with-llama", "with the bundled inference engine")
    .option("--dry-run", "only look, and say what would be done")
    .action((host: string, flags) => handlers.add(host, merged(hive, flags)));
  forAll(listing(hive, "apply", "make the fleet as hives.conf says: shows what that takes, and asks"))
    .option("--file <file>", "another than ~/.config/hive/hives.conf")
    .option("--prune", "also remove machines that the file does not name")
    .option("-y, --yes", "do not ask")
    .option("--dry-run", "only show")
    .action((flags) => handlers.apply(merged(hive, flags)));
  for (const [verb, description] of VERBS) {
    listing(hive, verb, description)
      .argument("<host>")
      .action((host: string, flags) => handlers.machine(verb, host, merged(hive, flags)));
  }
  withQueen(hive.command("rm"))
    .description("end a machine's hive, uninstall it, and forget it")
    .argument("<host>")
    .option("-y, --yes", "do not ask")
    .option("--keep", "only forget: leave the machine as it is")
    .action((host: string, flags) => handlers.remove(host, merged(hive, flags)));
  listing(hive, "status", "what a machine says of its hive, and what the queen hears")
    .argument("<host>")
    .action((host: string, flags) => handlers.machineStatus(host, merged(hive, flags)));
  withQueen(hive.command("logs"))
    .description("the end of the log of a machine's hive")
    .argument("<host>")
    .option("--tail-bytes <n>", "so much of it", wholeNumber)
    .action((host: string, flags) => handlers.hiveLogs(host, merged(hive, flags)));
  listing(hive, "operations", "what goes on at machines, and what went on").action((flags) =>
    handlers.operations(merged(hive, flags)),
  );
  withQueen(hive.command("cancel"))
    .description("end an operation that goes on")
    .argument("<id>", "of the operation, or the hive's")
    .action((id: string, flags) => handlers.cancel(id, merged(hive, flags)));
}

function forAll(command: Command): Command {
  return command
    .option("--public-url <url>", "the queen's address as the machine reaches it")
    .option("--ssh-config <file>", "in place of ~/.ssh/config, on the queen's machine")
    .option("--accept-new-host-key", "take the key of a machine that was never seen; never one that changed");
}
