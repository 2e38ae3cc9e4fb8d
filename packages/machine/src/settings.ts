import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { type ErrorDetail, HiveError } from "@hive-registry/contract/errors";
import { MACHINE_ID_PATTERN } from "@hive-registry/contract/names";
import type { HiveSettings } from "@hive-registry/lifecycle";
import { parseObject, readText, writePrivate } from "./files.ts";
import type { Places } from "./places.ts";

/** What `configure` reads. */
export type Configuration = HiveSettings & {
  /** Whether a hive of another queen, or of another name, gives way. */
  readonly take_over?: boolean;
};

/** What lies in `machine.json`. */
export type StoredSettings = Omit<HiveSettings, "join_token">;

const TEXT_LENGTH_MAX = 2_048;
const TOKEN = /^[\x21-\x7e]{1,4096}$/;

type Rule = readonly [test: (value: unknown) => boolean, wanted: string];
const text = (value: unknown, pattern: RegExp): boolean =>
  typeof value === "string" && value.length <= TEXT_LENGTH_MAX && pattern.test(value);
const optional = ([test, wanted]: Rule): Rule => [(value) => value === undefined || test(value), wanted];
const yesOrNo: Rule = [(value) => typeof value === "boolean", "must be true or false"];

const STORED: Readonly<Record<keyof StoredSettings, Rule>> = {
  hive_id: [
    (value) => text(value, new RegExp(MACHINE_ID_PATTERN)),
    "must be an id: letters, digits, dot, dash, underscore; at most 63",
  ],
  queen_id: [
    (value) => text(value, /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/),
    "must be an id: letters, digits, dot, dash, underscore",
  ],
  queen_url: [(value) => text(value, /^https?:\/\/[^\s\p{C}]+$/u) && URL.canParse(value as string), "must be a URL"],
  port: [(value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535, "must be a port"],
  fleet_token_sha256: optional([(value) => text(value, /^[0-9a-f]{64}$/), "must be a SHA-256 in hex"]),
  service: yesOrNo,
};
const CONFIGURED: Readonly<Record<keyof Configuration, Rule>> = {
  ...STORED,
  join_token: optional([(value) => typeof value === "string" && TOKEN.test(value), "must be a token: no spaces"]),
  take_over: optional(yesOrNo),
};

/** @throws {HiveError} `INVALID_JSON`, `INVALID_REQUEST` with a detail for each field that is wrong or that nobody knows. */
export function parseConfiguration(json: string): Configuration {
  const value = parseObject(json);
  if (value === undefined) throw new HiveError("INVALID_JSON", "The settings must be one object as JSON");
  const details = faultsOf(value, CONFIGURED);
  if (details.length > 0) throw new HiveError("INVALID_REQUEST", "These settings cannot be used", { details });
  return value as unknown as Configuration;
}

function faultsOf(value: Readonly<Record<string, unknown>>, rules: Readonly<Record<string, Rule>>): ErrorDetail[] {
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(rules, name));
  return [
    ...unknown.map((name) => ({ path: `/${name.slice(0, 100)}`, message: "is not known" })),
    ...Object.entries(rules).flatMap(([name, [test, message]]) =>
      test(value[name]) ? [] : [{ path: `/${name}`, message }],
    ),
  ];
}

/**
 * What `configure` wrote; undefined before.
 *
 * @throws {HiveError} `MACHINE_FAILED` when it cannot be read, or is not what `configure` writes.
 */
export function readSettings(places: Pick<Places, "settings_file">): StoredSettings | undefined {
  const json = readText(places.settings_file);
  if (json === undefined) return undefined;
  const value = parseObject(json);
  if (value !== undefined && faultsOf(value, STORED).length === 0) return value as unknown as StoredSettings;
  throw new HiveError(
    "MACHINE_FAILED",
    `${places.settings_file} is damaged: add the machine again, or remove the file`,
  );
}

/** @throws {HiveError} `HIVE_NOT_FOUND` before `configure`. */
export function settingsOf(places: Pick<Places, "settings_file">): StoredSettings {
  const settings = readSettings(places);
  if (settings === undefined)
    throw new HiveError("HIVE_NOT_FOUND", "There are no settings on this machine yet: configure it");
  return settings;
}

export function readJoinToken(places: Pick<Places, "join_token_file">): string | undefined {
  return readText(places.join_token_file)?.trim();
}

/**
 * Writes the settings, and the token beside them. Without a token in them the one that is there stays, unless it was another queen's.
 *
 * @throws {HiveError} `MANAGED_ELSEWHERE` with whose hive this is, unless it shall be taken over.
 */
export function writeSettings(
  places: Places,
  configuration: Configuration,
): { readonly before: StoredSettings | undefined; readonly changed: boolean } {
  const { take_over = false, join_token, ...settings } = configuration;
  const before = readSettings(places);
  const isOurs = before === undefined || before.queen_id === settings.queen_id;
  if (!take_over && before !== undefined && (!isOurs || before.hive_id !== settings.hive_id)) {
    throw managedElsewhere(before, isOurs);
  }
  const tokenBefore = readJoinToken(places);
  const token = join_token ?? (isOurs ? tokenBefore : undefined);
  const text = `${JSON.stringify(settings, Object.keys(STORED), 2)}\n`;
  const changed = token !== tokenBefore || text !== readText(places.settings_file);
  // The token first: settings that are there always find theirs.
  if (token === undefined) rmSync(places.join_token_file, { force: true });
  else writePrivate(places.join_token_file, `${token}\n`);
  if (changed) writePrivate(places.settings_file, text);
  return { before, changed };
}

function managedElsewhere({ hive_id, queen_id, queen_url }: StoredSettings, isOurs: boolean): HiveError {
  const whose = isOurs ? "of this queen, under another name" : `of the queen at ${queen_url}`;
  return new HiveError("MANAGED_ELSEWHERE", `There is a hive already, ${hive_id}, ${whose}`, {
    details: { hive_id, queen_id, queen_url },
  });
}

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
