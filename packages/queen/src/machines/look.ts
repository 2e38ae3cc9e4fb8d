import { HiveError } from "@hive-registry/contract";
import type { Installed, Preflight } from "@hive-registry/lifecycle";

/** Room that a first install needs, bytes: the hive, and a Node of its own where there is none. */
const HIVE_ROOM_BYTES = 67_108_864;
const NODE_ROOM_BYTES = 268_435_456;

/** What a machine is wanted for. */
export interface Wanted {
  readonly hive_id: string;
  readonly queen_id: string;
  readonly queen_url: string;
  readonly port: number;
  readonly take_over: boolean;
  readonly service: boolean;
}

/** Whether the hive that is there is the one that is meant. */
export const isOurs = (installed: Installed, { hive_id, queen_id }: Pick<Wanted, "hive_id" | "queen_id">): boolean =>
  installed.hive_id === hive_id && installed.queen_id === queen_id;

/** @throws {HiveError} `MANAGED_ELSEWHERE` when the hive that is there is another queen's, or has another name. */
export function assertOurs(installed: Installed | undefined, wanted: Pick<Wanted, "hive_id" | "queen_id">): void {
  if (installed === undefined || isOurs(installed, wanted)) return;
  const { hive_id, queen_id, queen_url } = installed;
  const whose = queen_id === wanted.queen_id ? "of this queen" : `of the queen at ${queen_url}`;
  throw new HiveError("MANAGED_ELSEWHERE", `On that machine there is the hive ${hive_id} ${whose} already`, {
    details: { hive_id, queen_id, queen_url },
  });
}

/**
 * Whether the hive can be put there.
 *
 * @throws {HiveError} the first reason against it: `MANAGED_ELSEWHERE`, `QUEEN_OUT_OF_REACH`, `PORT_IN_USE`, `MACHINE_FAILED` (no services), `NO_SPACE`.
 */
export function assertFit(found: Preflight, wanted: Wanted): void {
  const { installed, node, disk_free_bytes, port_taken, queen, services } = found;
  if (!wanted.take_over) assertOurs(installed, wanted);
  if (queen === "out of reach") {
    throw new HiveError("QUEEN_OUT_OF_REACH", `That machine cannot reach the queen at ${wanted.queen_url}`, {
      details: { queen_url: wanted.queen_url },
    });
  }
  if (port_taken) {
    throw new HiveError("PORT_IN_USE", `Another program listens on port ${wanted.port} of that machine`, {
      details: { port: wanted.port },
    });
  }
  if (wanted.service && services === "none") {
    throw new HiveError(
      "MACHINE_FAILED",
      "No service manager of that user answers there (systemd --user, launchd): leave out --service, or see that one runs (loginctl enable-linger)",
    );
  }
  const needed = HIVE_ROOM_BYTES + (node === undefined ? NODE_ROOM_BYTES : 0);
  if (installed === undefined && disk_free_bytes < needed) {
    throw new HiveError(
      "NO_SPACE",
      `The machine's disk has ${mib(disk_free_bytes)} free, and ${mib(needed)} are needed`,
      {
        details: { disk_free_bytes, needed_bytes: needed },
      },
    );
  }
}

/** What a machine has, in a line. */
export function inWords({ os, arch, node, gpus, queen, installed, ...found }: Preflight): string {
  return [
    `${os} ${arch}`,
    `${gib(found.memory_total_bytes)} of memory`,
    `${gib(found.disk_free_bytes)} of disk free`,
    node === undefined ? "no Node" : `Node ${node.version.replace(/^v/, "")}`,
    gpus.length === 0 ? "no GPU seen" : gpus.join(" and "),
    queen === "reached" ? "reaches the queen" : "whether it reaches the queen is not known",
    installed === undefined ? "no hive yet" : hiveInWords(installed),
  ].join(", ");
}

export const hiveInWords = ({ hive_id, version, running }: Installed): string =>
  `hive ${hive_id} ${version} ${running ? "runs" : "does not run"}`;

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const mib = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)} MiB`;
