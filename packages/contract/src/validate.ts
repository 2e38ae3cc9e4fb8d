import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { Value } from "typebox/value";
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
  const compiled = Compile(schema as TSchema);
  const check = (value: unknown): value is T => compiled.Check(value);
  const errors = (value: unknown): ErrorDetail[] => {
    const details: ErrorDetail[] = [];
    for (const error of compiled.Errors(value)) {
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

/** Turns the strings of a query or a path into the numbers and booleans that the schema asks for, where they are such. */
export function coerce<T>(schema: Schema<T>, value: unknown): unknown {
  return Value.Convert(schema as TSchema, value);
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
