import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Environment } from "./places.ts";
import { SettingError } from "./values.ts";

const TOKEN_LENGTH_MAX = 4_096;

/**
 * The fleet's token: from the file if one is named, else from `HIVE_TOKEN`; undefined when there is none.
 *
 * @throws {SettingError} when the file cannot be read, others may read it too, or it holds no token.
 */
export function readToken(tokenFile: string | undefined, env: Environment): string | undefined {
  if (tokenFile === undefined) return env.HIVE_TOKEN ? checked(env.HIVE_TOKEN, "HIVE_TOKEN") : undefined;
  let text: string;
  try {
    if (process.platform !== "win32" && (statSync(tokenFile).mode & 0o077) !== 0) {
      throw new SettingError(`others may read the token file ${tokenFile}: chmod 600 ${tokenFile}`);
    }
    text = readFileSync(tokenFile, "utf8");
  } catch (error) {
    if (error instanceof SettingError) throw error;
    throw new SettingError(`the token file ${tokenFile} cannot be read`);
  }
  return checked(text, `the token file ${tokenFile}`);
}

/** It travels in a header: printable, no spaces. */
function checked(text: string, called: string): string {
  const token = text.trim();
  if (token.length <= TOKEN_LENGTH_MAX && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new SettingError(`${called} must hold one token: 1 to ${TOKEN_LENGTH_MAX} printable characters, no spaces`);
}

/** Whether an `authorization` header carries the token. */
export const bearsToken = (authorization: string | undefined, token: string): boolean =>
  isToken(/^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? "", token);

/** Whether it is the token. Takes the same time wherever the two differ, and whatever their lengths. */
export function isToken(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/** Whether only this machine can reach what listens there. Anything else demands a token. */
export const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);
