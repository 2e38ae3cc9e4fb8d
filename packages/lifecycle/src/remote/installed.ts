import type { Installed } from "./machine.ts";

/** What the installed program says of its hive, a line of JSON. Undefined when that is no hive's: none is configured, or the line is broken. */
export function readInstalled(line: string): Installed | undefined {
  const value = jsonOf(line);
  if (typeof value !== "object" || value === null) return undefined;
  const { hive_id, queen_id, queen_url, version, port, service, running, since_ms, join_token_sha256 } =
    value as Record<string, unknown>;
  if (typeof hive_id !== "string" || typeof queen_id !== "string" || typeof queen_url !== "string") return undefined;
  if (typeof version !== "string" || typeof port !== "number") return undefined;
  return {
    ...{ hive_id, queen_id, queen_url, version, port, service: service === true, running: running === true },
    ...(typeof join_token_sha256 === "string" ? { join_token_sha256 } : {}),
    ...(typeof since_ms === "number" ? { since_ms } : {}),
  };
}

/** Undefined for what is no JSON. */
export function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** What the program says of itself when it is tried, in a line for people. */
export function checkedInWords(line: string): string {
  const { version, queen_url, devices } = (jsonOf(line) ?? {}) as Record<string, unknown>;
  if (typeof version !== "string") return "it runs";
  const gpus = Array.isArray(devices) && devices.length > 0 ? devices.join(" and ") : "no GPU";
  return `${version} runs, finds ${gpus}, and reaches the queen at ${queen_url}`;
}
