import { hash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Environment } from "./places.ts";
import { type Reader, SettingError } from "./values.ts";

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

/** SHA-256 of a token, in hex: for who must recognise a token and need not have it. */
export const tokenHash = (token: string): string => hash("sha256", token, "hex");

/** A SHA-256 in hex, 64 digits; in small letters then. */
export const sha256: Reader<string> = (value, called) => {
  if (typeof value === "string" && /^[0-9a-f]{64}$/i.test(value)) return value.toLowerCase();
  // Not with the value: it may be the token itself, by mistake.
  throw new SettingError(`${called} must be a SHA-256 in hex: 64 digits, 0 to 9 and a to f`);
};

/** Whether a token is one of those that let in. */
export type TokenCheck = (given: string) => boolean;

/**
 * Recognises tokens, some by themselves, some by their {@link tokenHash}; those that are undefined let nobody in. Keeps their
 * digests alone. Takes the same time wherever a token differs from those, and whatever their lengths.
 */
export function tokenCheck(
  tokens: readonly (string | undefined)[],
  hashes: readonly (string | undefined)[] = [],
): TokenCheck {
  const known = [...tokens.map((token) => token && tokenHash(token)), ...hashes]
    .filter((hex) => hex !== undefined)
    .map((hex) => Buffer.from(hex, "hex"));
  return (given) => {
    const digest = hash("sha256", given, "buffer");
    let isKnown = false;
    for (const one of known) isKnown = timingSafeEqual(digest, one) || isKnown;
    return isKnown;
  };
}

/** The token of an `authorization: Bearer TOKEN` header. */
export const bearerOf = (authorization: string | undefined): string | undefined =>
  /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];

/** The headers in which a token is sent, as Node gives them. */
export interface TokenHeaders {
  readonly authorization?: string | undefined;
  readonly "x-api-key"?: string | readonly string[] | undefined;
}

/** Whether one of the headers carries such a token: `authorization: Bearer TOKEN`, or `x-api-key: TOKEN` as Anthropic's clients do. */
export function bearsToken({ authorization, "x-api-key": key }: TokenHeaders, isKnown: TokenCheck): boolean {
  const bearer = bearerOf(authorization);
  return (bearer !== undefined && isKnown(bearer)) || (typeof key === "string" && isKnown(key));
}

/** Whether only this machine can reach what listens there. Anything else demands a token. */
export const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);
