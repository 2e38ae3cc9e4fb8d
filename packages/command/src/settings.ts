import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse as parseToml, TomlError } from "smol-toml";
import { defaultConfigFile, type Environment } from "./places.ts";
import { type Reader, SettingError } from "./values.ts";

/** Gives one setting: from its flag, its variable or the file, the first that has it; else `otherwise`. */
export type From<Name extends string> = <T>(name: Name, read: Reader<T>, otherwise: T) => T;

/**
 * Settings of one command. `variables` names each one and its environment variable; a flag is the name with dashes, a key
 * of the TOML file the name itself.
 *
 * @throws {SettingError} for a file that cannot be read, is no TOML, or has a key that nobody knows.
 */
export function settingsFrom<Name extends string>(
  variables: Readonly<Record<Name, string>>,
  given: {
    readonly flags: Partial<Record<Name, unknown>>;
    readonly env: Environment;
    /** Named by the user: must exist then. */
    readonly configFile: string | undefined;
    /** Where it is looked for otherwise. */
    readonly configName: string;
  },
): From<Name> {
  const { flags, env } = given;
  const file = readConfigFile(Object.keys(variables), given);
  return (name, read, otherwise) => {
    if (flags[name] !== undefined) return read(flags[name], `--${name.replaceAll("_", "-")}`);
    const variable = variables[name];
    if (env[variable]) return read(env[variable], variable);
    const value = file.values[name];
    return value === undefined ? otherwise : read(value, `"${name}" in ${file.path}`);
  };
}

function readConfigFile(
  names: readonly string[],
  given: { readonly env: Environment; readonly configFile: string | undefined; readonly configName: string },
): { path: string; values: Record<string, unknown> } {
  const path = given.configFile ? resolve(given.configFile) : defaultConfigFile(given.env, given.configName);
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (missing && !given.configFile) return { path, values: {} };
    throw new SettingError(missing ? `there is no file ${path}` : `${path} cannot be read`);
  }
  let values: Record<string, unknown>;
  try {
    values = parseToml(source);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new SettingError(`${path}, line ${error.line}: ${error.message.split("\n")[0]}`);
  }
  for (const key of Object.keys(values)) {
    if (!names.includes(key)) throw new SettingError(`${path}: unknown key "${key}"; there are ${names.join(", ")}`);
  }
  return { path, values };
}
