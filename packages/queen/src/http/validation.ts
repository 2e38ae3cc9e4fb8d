import { coerce, compile, invalid, type Schema, type Validator } from "@hive-registry/contract";
import type { FastifySchemaCompiler } from "fastify";

/**
 * Checks each part of a request once, with the contract's compiled validators. Queries and paths are text: they are converted first.
 * Compiling waits for the first request of its route, and the queen's start for none of them.
 */
export const validatorCompiler: FastifySchemaCompiler<Schema<unknown>> = ({ schema, httpPart }) => {
  let validator: Validator<unknown> | undefined;
  const isText = httpPart === "querystring" || httpPart === "params";
  return (data: unknown) => {
    validator ??= compile(schema);
    const value = isText ? coerce(schema, data) : data;
    return validator.check(value) ? { value } : { error: invalid(validator.errors(value)) };
  };
};
