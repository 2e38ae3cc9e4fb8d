/** Inference servers that the operator names: in hive.toml as `[[server]]`, with flag and variable as URLs alone. */
import {
  type Environment,
  oneOf,
  type Reader,
  readToken,
  SettingError,
  text,
  textList,
  whole,
  yesOrNo,
} from "@hive-registry/command";
import { SERVER_ENGINES } from "../workers/engines/server-engines.ts";

export interface ConfiguredServer {
  /** Without a slash at its end. */
  readonly url: string;
  /** What it demands; goes to the server and nowhere else. */
  readonly key?: string;
  /** Its kind, where it need not be found out. */
  readonly engine?: string;
  /** Its worker's id. */
  readonly name?: string;
  /** Requests that it runs at once, where it does not tell. */
  readonly slots?: number;
  /** Whether requests may make it load models that are not in its memory. */
  readonly load_on_request?: boolean;
}

export const SERVERS_CONFIGURED_MAX = 64;
const KEYS = ["url", "key", "key_env", "key_file", "engine", "name", "slots", "load_on_request"] as const;
const NAME = /^[\w.:-]{1,128}$/;
const SECRET = /^[\x21-\x7e]{1,4096}$/;

/** @throws {SettingError} naming the server by its place in the list, never with its key. */
export const serversWith =
  (env: Environment): Reader<readonly ConfiguredServer[]> =>
  (value, called) => {
    const given = typeof value === "string" ? textList(value, called) : [value].flat();
    if (given.length > SERVERS_CONFIGURED_MAX) {
      throw new SettingError(`${called}: at most ${SERVERS_CONFIGURED_MAX} servers`);
    }
    const servers = given.map((one, at) =>
      server(one, given.length === 1 ? called : `${called}, number ${at + 1},`, env),
    );
    for (const field of ["url", "name"] as const) {
      const values = servers.map((one) => one[field]).filter((one) => one !== undefined);
      const twice = values.find((one, at) => values.indexOf(one) !== at);
      if (twice !== undefined) throw new SettingError(`${called}: two servers have the ${field} ${twice}`);
    }
    return servers;
  };

function server(value: unknown, called: string, env: Environment): ConfiguredServer {
  if (typeof value === "string") return { url: serverUrl(value, called) };
  if (typeof value !== "object" || value === null) throw new SettingError(`${called} must be a table with a url`);
  const table = value as Partial<Record<(typeof KEYS)[number], unknown>>;
  const stranger = Object.keys(table).find((key) => !KEYS.includes(key as never));
  if (stranger !== undefined) throw new SettingError(`${called} has no "${stranger}"; there are ${KEYS.join(", ")}`);
  const key = keyOf(table, called, env);
  const field = <T>(name: (typeof KEYS)[number], read: Reader<T>): T | undefined =>
    table[name] === undefined ? undefined : read(table[name], `"${name}" of ${called}`);
  const engine = field("engine", oneOf(SERVER_ENGINES.map((one) => one.name)));
  const name = field("name", workerName);
  const slots = field("slots", whole(1, 100_000));
  const load_on_request = field("load_on_request", yesOrNo);
  return {
    url: serverUrl(table.url, `"url" of ${called}`),
    ...(key !== undefined && { key }),
    ...(engine !== undefined && { engine }),
    ...(name !== undefined && { name }),
    ...(slots !== undefined && { slots }),
    ...(load_on_request !== undefined && { load_on_request }),
  };
}

const workerName: Reader<string> = (value, called) => {
  const name = text(value, called);
  if (NAME.test(name)) return name;
  throw new SettingError(`${called} must be letters, digits, . _ : -; at most 128`);
};

function keyOf(
  { key, key_env, key_file }: { readonly key?: unknown; readonly key_env?: unknown; readonly key_file?: unknown },
  called: string,
  env: Environment,
): string | undefined {
  if ([key, key_env, key_file].filter((one) => one !== undefined).length > 1) {
    throw new SettingError(`${called}: only one of key, key_env and key_file`);
  }
  if (key_file !== undefined) return readToken(text(key_file, `"key_file" of ${called}`), {});
  if (key_env !== undefined) {
    const variable = text(key_env, `"key_env" of ${called}`);
    if (!env[variable]) throw new SettingError(`${called}: the variable ${variable} is not set`);
    return secret(env[variable], `the variable ${variable} of ${called}`);
  }
  return key === undefined ? undefined : secret(key, `"key" of ${called}`);
}

const secret: Reader<string> = (value, called) => {
  if (typeof value === "string" && SECRET.test(value)) return value;
  throw new SettingError(`${called} must hold one key: printable characters, no spaces`);
};

const serverUrl: Reader<string> = (value, called) => {
  const given = text(value, called);
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url !== undefined && (url.username !== "" || url.password !== "")) {
    throw new SettingError(`${called} must not hold a password: give it as key, key_env or key_file`);
  }
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
    throw new SettingError(`${called} must be a URL such as http://127.0.0.1:8000, not ${given.slice(0, 200)}`);
  }
  // Clients are often given the URL with /v1 at its end.
  return url.href.replace(/\/+$/, "").replace(/\/v1$/, "");
};
