import type { Probe } from "../server-engine.ts";

/** An answer: an object or a list goes as JSON, a text as it is. */
export interface Page {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What a server answers by path; `otherwise` to any other. A path matches with its query, or else without. */
export interface Pages {
  readonly otherwise: Page;
  readonly [path: string]: Page;
}

/** How a server of one kind stands in some situation, what it answers then, and what has to be read from that. */
export interface Situation {
  readonly pages: Pages;
  readonly probe: Partial<Probe> & Pick<Probe, "state">;
}

/** What servers of one kind answer. */
export interface Samples {
  readonly engine: string;
  /** Where the answers are from: repositories with the commit that was read; values are constructed where it says so. */
  readonly source: string;
  readonly ready: Situation;
  /** Absent where its port is closed until it is ready, or where it tells nothing. */
  readonly loading?: Situation;
  /** Three requests run where four can, or as near to that as the kind can tell. Absent where it tells no load. */
  readonly busy?: Situation;
  /** Absent where it cannot say so. */
  readonly broken?: Situation;
  /** Absent where it has no keys, or asks for them only at inference. */
  readonly locked?: Situation;
}

export const page = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Page => ({
  ...{ status, body, headers },
});

/** The same pages, but for these. */
export const but = (pages: Pages, others: Readonly<Record<string, Page>>): Pages => ({ ...pages, ...others });

/** A page of OpenAI's model list. */
export const models = (...data: readonly object[]): Page => ({ body: { object: "list", data } });
