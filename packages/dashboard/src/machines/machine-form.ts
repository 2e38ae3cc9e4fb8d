import type { MachineAdd } from "@hive-registry/client";

/** The form as it stands: what was typed, not yet looked at. */
export interface MachineForm {
  readonly host: string;
  readonly id: string;
  readonly user: string;
  readonly sshPort: string;
  readonly identityFile: string;
  readonly hivePort: string;
  readonly labels: string;
  readonly queenUrl: string;
  readonly acceptNewHostKey: boolean;
  readonly withLlama: boolean;
  readonly service: boolean;
  readonly takeOver: boolean;
}

export const EMPTY_FORM: MachineForm = {
  ...{ host: "", id: "", user: "", sshPort: "", identityFile: "", hivePort: "", labels: "", queenUrl: "" },
  ...{ acceptNewHostKey: false, withLlama: false, service: false, takeOver: false },
};

export type Wrongs = Partial<Record<keyof MachineForm, string | undefined>>;

/** What is to be asked of the queen, or what is wrong with each field. */
export type ReadForm =
  | { readonly hiveId: string; readonly machine: MachineAdd; readonly wrongs?: never }
  | { readonly wrongs: Wrongs };

/** As the queen takes them. The queen checks again; this is for who types. */
const HOST = /^[A-Za-z0-9_:[][A-Za-z0-9_.:[\]%-]*$/;
const HIVE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9._@-]*\$?$/;
const LABEL = /^([^=\s]+)=(\S+)$/;
const PORT_MAX = 65_535;

export function readForm(form: MachineForm): ReadForm {
  const wrongs: { -readonly [Name in keyof Wrongs]: Wrongs[Name] } = {};
  const target = targetIn(form.host);
  if (form.host.trim() === "") wrongs.host = "Name the machine as ssh knows it: attic, 10.0.0.5 or ada@attic:2222.";
  else if (target === undefined)
    wrongs.host = "This names no machine. Write it as ssh takes it: attic, 10.0.0.5 or ada@attic:2222.";
  const hiveId = form.id.trim() || hiveIdOf(target?.host ?? "");
  if (!HIVE_ID.test(hiveId) && target !== undefined)
    wrongs.id = "Letters, digits, dots, dashes and underscores, 63 at most.";
  const user = form.user.trim() || target?.user;
  if (user !== undefined && !USER.test(user)) wrongs.user = "No user can be called so.";
  const sshPort = portIn(form.sshPort, { from: 1 }) ?? target?.port;
  if (sshPort === "wrong") wrongs.sshPort = `A number from 1 to ${PORT_MAX}.`;
  const hivePort = portIn(form.hivePort, { from: 0 });
  if (hivePort === "wrong") wrongs.hivePort = `A number from 1 to ${PORT_MAX}, or 0 for any free one.`;
  const labels = labelsIn(form.labels);
  if (labels === undefined) wrongs.labels = "Write each as key=value, with spaces between: zone=attic tier=spot.";
  const queenUrl = form.queenUrl.trim();
  if (queenUrl !== "" && !/^https?:\/\/\S+$/.test(queenUrl))
    wrongs.queenUrl = "An address such as http://10.0.0.1:7833.";
  if (Object.keys(wrongs).length > 0 || target === undefined || sshPort === "wrong" || hivePort === "wrong")
    return { wrongs };
  const identityFile = form.identityFile.trim();
  const machine: MachineAdd = {
    ssh: {
      host: target.host,
      ...(user === undefined ? {} : { user }),
      ...(sshPort === undefined ? {} : { port: sshPort }),
      ...(identityFile === "" ? {} : { identity_file: identityFile }),
    },
    ...(hivePort === undefined ? {} : { port: hivePort }),
    ...(labels === undefined || Object.keys(labels).length === 0 ? {} : { labels }),
    ...(queenUrl === "" ? {} : { queen_url: queenUrl }),
    ...(form.acceptNewHostKey ? { accept_new_host_key: true } : {}),
    ...(form.withLlama ? { with_llama: true } : {}),
    ...(form.service ? { service: true } : {}),
    ...(form.takeOver ? { take_over: true } : {}),
  };
  return { hiveId, machine };
}

/** What the hive is called where nobody says: its host, made to fit an id. */
export const hiveIdOf = (host: string): string =>
  host
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 63);

/** `attic`, `ada@attic`, `ada@attic:2222`, `::1`, `[::1]:2222`. */
function targetIn(text: string): { readonly host: string; readonly user?: string; readonly port?: number } | undefined {
  const rest = text.trim().replace(/^ssh:\/\//i, "");
  // A user's name may itself have an @.
  const at = rest.lastIndexOf("@");
  const user = at === -1 ? undefined : rest.slice(0, at);
  const where = rest.slice(at + 1);
  // Two colons without brackets: an IPv6 address, which leaves no room for a port.
  const isBare = where.split(":").length > 2 && !where.includes("[");
  const named = /^(?:\[([^\s[\]]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(where);
  const host = isBare ? where : (named?.[1] ?? named?.[2]);
  const port = isBare || named?.[3] === undefined ? undefined : Number(named[3]);
  if (host === undefined || !HOST.test(host) || user === "" || port === 0 || (port ?? 1) > PORT_MAX) return undefined;
  return { host, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port }) };
}

function portIn(text: string, { from }: { readonly from: number }): number | "wrong" | undefined {
  if (text.trim() === "") return undefined;
  const port = Number(text);
  return Number.isInteger(port) && port >= from && port <= PORT_MAX ? port : "wrong";
}

function labelsIn(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  for (const word of text.split(/[\s,]+/).filter((one) => one !== "")) {
    const [, key, value] = LABEL.exec(word) ?? [];
    if (key === undefined || value === undefined) return undefined;
    labels[key] = value;
  }
  return labels;
}
