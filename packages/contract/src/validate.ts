// Not `typebox/compile`, which checks the same way and loads three times as much.
import { Compile } from "typebox/schema";
import { type ErrorDetail, HiveError } from "./errors.ts";
import { PRINTABLE } from "./names.ts";
import type { Schema } from "./schema.ts";

/** How many faults a reply names; one payload can have thousands. */
export const ERROR_DETAILS_MAX = 20;

/** Checks one kind of value. Compiled once, when it is made. */
export interface Validator<T> {
  check(value: unknown): value is T;
  /** What is wrong, at most {@link ERROR_DETAILS_MAX} entries; empty when nothing is. */
  errors(value: unknown): ErrorDetail[];
  /** @throws {HiveError} `INVALID_REQUEST` with the faults as details. */
  parse(value: unknown): T;
}

export function compile<T>(schema: Schema<T>): Validator<T> {
  const compiled = Compile(schema as object);
  const check = (value: unknown): value is T => compiled.Check(value);
  const errors = (value: unknown): ErrorDetail[] => {
    const details: ErrorDetail[] = [];
    for (const error of compiled.Errors(value)[1]) {
      if (details.length >= ERROR_DETAILS_MAX) break;
      details.push({ path: error.instancePath, message: readable(error.message) });
    }
    return details;
  };
  return {
    check,
    errors,
    parse(value) {
      if (check(value)) return value;
      throw invalid(errors(value));
    },
  };
}

/** Turns the texts of a query or a path into the numbers and booleans that the schema asks for. What is none stays text, for the check to refuse. */
export function coerce<T>(schema: Schema<T>, value: unknown): unknown {
  const { properties = {} } = schema as { readonly properties?: Readonly<Record<string, { readonly type?: unknown }>> };
  return Object.fromEntries(
    Object.entries(value as object).map(([name, text]) => [name, fromText(properties[name]?.type, text)]),
  );
}

function fromText(type: unknown, text: unknown): unknown {
  if (typeof text !== "string") return text;
  if ((type === "integer" || type === "number") && /^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}

/** A pattern says nothing to most people; what it is for does. */
function readable(message: string): string {
  if (message.includes(PRINTABLE)) return "must be readable text: no control characters, not . or .. or __proto__";
  return message;
}

export function invalid(details: readonly ErrorDetail[]): HiveError {
  const first = details[0];
  const where = first === undefined ? "" : `: ${first.path === "" ? "" : `${first.path} `}${first.message}`;
  return new HiveError("INVALID_REQUEST", `The request is not valid${where}`, { details });
}
