import {
  type Environment,
  type From,
  optional,
  path,
  type Reader,
  readToken,
  SettingError,
  text,
} from "@hive-registry/command";
import { FLEET_EVENT_TYPES } from "@hive-registry/contract";

/** Who is told of events. */
export interface Webhook {
  readonly url: string;
  /** Signs what is sent; undefined: it is not signed. */
  readonly secret: string | undefined;
  /** Types, or their first words; empty: all. */
  readonly types: readonly string[];
}

export interface WebhookSettings {
  /** Undefined: nobody is told. */
  readonly webhook: Webhook | undefined;
}

export const WEBHOOK_VARIABLES = {
  webhook_url: "HIVE_WEBHOOK_URL",
  webhook_secret_file: "HIVE_WEBHOOK_SECRET_FILE",
  webhook_types: "HIVE_WEBHOOK_TYPES",
} as const;
export type WebhookSettingName = keyof typeof WEBHOOK_VARIABLES;

/** Flags and what they mean, for `--help`. */
export const WEBHOOK_FLAGS: readonly (readonly [flag: string, meaning: string])[] = [
  ["--webhook-url <url>", "events are sent there, as JSON (default: nowhere)"],
  ["--webhook-secret-file <file>", "signs what is sent there; only its owner may read it (or HIVE_WEBHOOK_SECRET)"],
  ["--webhook-types <list>", "only these: hive, worker.failed …, with commas between them (default: all)"],
];

const SECRET_LENGTH_MAX = 4_096;

export function readWebhookSettings(from: From<WebhookSettingName>, env: Environment): WebhookSettings {
  const url = from("webhook_url", optional(receiver), undefined);
  const file = from("webhook_secret_file", optional(path), undefined);
  const types = from("webhook_types", eventTypes, []);
  if (url === undefined) return { webhook: undefined };
  return { webhook: { url, types, secret: file === undefined ? secretIn(env) : readToken(file, {}) } };
}

function secretIn({ HIVE_WEBHOOK_SECRET: secret }: Environment): string | undefined {
  if (!secret) return undefined;
  if (secret.length <= SECRET_LENGTH_MAX) return secret;
  throw new SettingError(`HIVE_WEBHOOK_SECRET must have ${SECRET_LENGTH_MAX} characters at most`);
}

const receiver: Reader<string> = (value, called) => {
  const given = text(value, called);
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "") return url.href;
  throw new SettingError(`${called} must be a URL of http or https without a name and password in it`);
};

/** A list in the file, or text with commas. */
const eventTypes: Reader<readonly string[]> = (value, called) => {
  const types = (Array.isArray(value) ? value : text(value, called).split(",")).map((one) => text(one, called).trim());
  const known = new Set<string>([...FLEET_EVENT_TYPES, ...FLEET_EVENT_TYPES.map((type) => type.replace(/\..*/, ""))]);
  const wrong = types.find((type) => !known.has(type));
  if (wrong === undefined) return types;
  throw new SettingError(
    `${called}: ${JSON.stringify(wrong)} is no type of events. There are ${[...known].join(", ")}`,
  );
};
