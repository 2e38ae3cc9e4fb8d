import { ClientError, type HiveClient, type Operation } from "@hive-registry/client";
import type { JsonFlag } from "../deps.ts";
import { EXIT } from "../failure.ts";
import { linesOf, type StepLines } from "../output/step-lines.ts";
import { oneLine } from "../output/text.ts";
import { adviceFor } from "./advice.ts";

export interface FollowDeps {
  readonly client: Pick<HiveClient, "followOperation">;
  steps(): StepLines;
  print(line: string): void;
  note(line: string): void;
  /** A signal that Ctrl-C aborts, until `end`. */
  interruptible(): { readonly signal: AbortSignal; end(): void };
}

/**
 * Begins an operation and shows it until it has ended. Ctrl-C ends only the showing: the queen goes on, and the person is told so.
 *
 * @param host as the person wrote it, for what to do next.
 * @returns undefined when the person stopped looking.
 */
export async function followed(
  deps: FollowDeps,
  host: string,
  begin: () => Promise<{ readonly operation_id: string }>,
  flags: JsonFlag = {},
): Promise<Operation | undefined> {
  const { signal, end } = deps.interruptible();
  const steps = deps.steps();
  let operation: Operation | undefined;
  try {
    const { operation_id } = await begin();
    try {
      for await (operation of deps.client.followOperation(operation_id, { signal })) steps.show(operation);
    } catch (error) {
      steps.end();
      if (signal.aborted) deps.note(goesOn(operation_id));
      else if (error instanceof ClientError && error.server === "queen") {
        deps.note(
          `${oneLine(error.message)}: what comes of it is not known. Ask her when she is back: hive operations`,
        );
      }
      if (!signal.aborted) throw error;
      return undefined;
    }
  } finally {
    steps.end();
    end();
  }
  if (operation === undefined) return undefined;
  if (flags.json) deps.print(JSON.stringify(operation));
  if (operation.state !== "succeeded") tellEnd(deps, operation, host);
  return operation;
}

/** The exit code of what was followed. */
export const exitOf = (operation: Operation | undefined): number =>
  operation?.state === "succeeded" ? EXIT.done : EXIT.failed;

const goesOn = (operationId: string): string =>
  `The queen goes on with it. See how it goes: hive operations   Or end it: hive cancel ${shortId(operationId)}`;

/** As much of an operation's id as people need. */
export const shortId = (operationId: string): string => oneLine(operationId).slice(0, 8);

function tellEnd({ note }: FollowDeps, operation: Operation, host: string): void {
  if (operation.state === "interrupted") {
    note("The queen ended before it was done. The same command again finishes it.");
    return;
  }
  for (const line of failureLines(operation, host)) note(line);
}

/** What failed in a person's words, the last words of who failed, and what to do next. */
export function failureLines({ state, error, steps, hive_id }: Operation, host: string): string[] {
  const code = error?.code ?? (state === "cancelled" ? "CANCELLED" : undefined);
  const message = oneLine(error?.message ?? (state === "cancelled" ? "It was cancelled" : "It failed"));
  const lastWords = steps.findLast((step) => step.state === "failed")?.output_tail ?? "";
  const shown = linesOf(lastWords).filter((line) => line !== message);
  const advice = adviceFor(code, host, hive_id);
  return [
    `${message}${code === undefined ? "" : ` (${oneLine(code)})`}`,
    ...shown.map((line) => `    ${line}`),
    ...(advice === undefined ? [] : [advice]),
  ];
}
