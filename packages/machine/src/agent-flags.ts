import { isIP } from "node:net";
import { type Environment, isLoopback } from "@hive-registry/command";
import type { StoredSettings } from "./settings.ts";

/**
 * Where the hive's own API listens. A queen on another machine calls it, so it must be reached from there; but only with a token, for
 * whoever may call it may start programs.
 */
export function listenFor({ queen_url }: Pick<StoredSettings, "queen_url">, hasToken: boolean): string {
  const host = new URL(queen_url).hostname;
  if (isLoopback(host) || !hasToken) return "127.0.0.1";
  return isIP(host.replace(/^\[|\]$/g, "")) === 6 ? "::" : "0.0.0.0";
}

/** The environment of the hive: this session's, and the hash by which it knows the fleet's token. */
export function agentEnvironment(
  { fleet_token_sha256 }: Pick<StoredSettings, "fleet_token_sha256">,
  env: Environment,
): Environment {
  const { HIVE_FLEET_TOKEN_SHA256: _, ...rest } = env;
  return fleet_token_sha256 === undefined ? rest : { ...rest, HIVE_FLEET_TOKEN_SHA256: fleet_token_sha256 };
}

/** The agent's flags where it is not started by `startLocalHive`. None is a secret. */
export function agentArgs(
  { hive_id, port, queen_url }: StoredSettings,
  at: { readonly state_dir: string; readonly listen: string; readonly token_file: string | undefined },
): string[] {
  const args = ["--id", hive_id, "--port", String(port), "--queen", queen_url];
  args.push("--state-dir", at.state_dir, "--listen", at.listen);
  if (at.token_file !== undefined) args.push("--token-file", at.token_file);
  return args;
}
