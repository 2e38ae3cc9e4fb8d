/** Where a worker's paths begin. */
export interface WorkerUrl {
  /** `http://127.0.0.1:9300` */
  readonly origin: string;
  /** What stands before `/v1`; empty for most. */
  readonly prefix: string;
}

/** As many as a large fleet has workers; then all are read anew. */
const KNOWN_MAX = 10_000;
const known = new Map<string, WorkerUrl | undefined>();

/**
 * Reads a worker's URL, which may end with `/v1` or not. Undefined for what is not plain HTTP or HTTPS: a hive says where a
 * worker is, and it says it to whoever sends requests there.
 */
export function readWorkerUrl(url: string): WorkerUrl | undefined {
  if (known.has(url)) return known.get(url);
  if (known.size >= KNOWN_MAX) known.clear();
  const read = parse(url);
  known.set(url, read);
  return read;
}

function parse(url: string): WorkerUrl | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, origin, pathname } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") return undefined;
  return { origin, prefix: pathname.replace(/\/+$/, "").replace(/\/v1$/, "") };
}
