import {
  coerce,
  compile,
  HeartbeatSchema,
  heartbeatValidator,
  invalid,
  type Schema,
  type Validator,
} from "@hive-registry/contract";
import type { FastifySchemaCompiler } from "fastify";

/** Schemas whose validator checks more than a schema can say. */
const WHOLE: ReadonlyMap<unknown, Validator<unknown>> = new Map<unknown, Validator<unknown>>([
  [HeartbeatSchema, heartbeatValidator],
]);

/** Checks each part of a request once, with the contract's compiled validators. Queries and paths are text: they are converted first. */
export const validatorCompiler: FastifySchemaCompiler<Schema<unknown>> = ({ schema, httpPart }) => {
  const validator = WHOLE.get(schema) ?? compile(schema);
  const isText = httpPart === "querystring" || httpPart === "params";
  return (data: unknown) => {
    const value = isText ? coerce(schema, data) : data;
    return validator.check(value) ? { value } : { error: invalid(validator.errors(value)) };
  };
};
