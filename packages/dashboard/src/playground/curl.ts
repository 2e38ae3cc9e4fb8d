import type { Question } from "./ask.ts";

/** The same request for a shell. The token stays where it is: the command names the variable that should hold it. */
export function curlText(baseUrl: string, question: Question, options: { readonly withToken: boolean }): string {
  const body = JSON.stringify({ ...question, stream: true });
  return [
    `curl -N ${quoted(`${baseUrl}/v1/chat/completions`)}`,
    `-H 'content-type: application/json'`,
    ...(options.withToken ? [`-H "authorization: Bearer $HIVE_TOKEN"`] : []),
    `-d ${quoted(body)}`,
  ].join(" \\\n  ");
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
