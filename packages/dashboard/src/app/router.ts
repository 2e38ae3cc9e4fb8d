/** Which page a hash names. Everything after `#` is the page's address: `#/hives/desk?tab=logs`. */
export type Page =
  | { readonly page: "fleet" }
  | { readonly page: "hive"; readonly hiveId: string }
  | { readonly page: "worker"; readonly hiveId: string; readonly workerId: string }
  | { readonly page: "models" }
  | { readonly page: "model"; readonly model: string }
  | { readonly page: "playground" }
  | { readonly page: "machines" }
  | { readonly page: "machine-add" }
  | { readonly page: "operation"; readonly operationId: string }
  | { readonly page: "events" }
  | { readonly page: "unknown"; readonly path: string };

export type Route = Page & { readonly query: URLSearchParams };

/** Ids may contain anything, so each is one encoded segment. A hash that nobody understands is `unknown`, never an error. */
export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = splitOnce(hash.replace(/^#/, ""), "?");
  return { ...pageOf(path), query: new URLSearchParams(search) };
}

export const href = {
  fleet: (query: Readonly<Record<string, string>> = {}): string => `#/${search(query)}`,
  hive: (hiveId: string, query: Readonly<Record<string, string>> = {}): string =>
    `#/hives/${encodeURIComponent(hiveId)}${search(query)}`,
  worker: (hiveId: string, workerId: string): string =>
    `#/hives/${encodeURIComponent(hiveId)}/workers/${encodeURIComponent(workerId)}`,
  models: (): string => "#/models",
  model: (model: string): string => `#/models/${encodeURIComponent(model)}`,
  playground: (query: Readonly<Record<string, string>> = {}): string => `#/playground${search(query)}`,
  machines: (): string => "#/machines",
  machineAdd: (): string => "#/machines/add",
  operation: (operationId: string): string => `#/operations/${encodeURIComponent(operationId)}`,
  events: (query: Readonly<Record<string, string>> = {}): string => `#/events${search(query)}`,
};

function pageOf(path: string): Page {
  const segments = path.split("/").filter((segment) => segment !== "");
  const decoded = segments.map(decodedSegment);
  const [first, second, third, fourth] = decoded;
  const count = decoded.length;
  if (count === 0) return { page: "fleet" };
  if (first === "hives" && count === 1) return { page: "fleet" };
  if (first === "hives" && second !== undefined && count === 2) return { page: "hive", hiveId: second };
  if (first === "hives" && second !== undefined && third === "workers" && fourth !== undefined && count === 4)
    return { page: "worker", hiveId: second, workerId: fourth };
  if (first === "models" && count === 1) return { page: "models" };
  if (first === "models" && second !== undefined && count === 2) return { page: "model", model: second };
  if (first === "playground" && count === 1) return { page: "playground" };
  if (first === "machines" && count === 1) return { page: "machines" };
  if (first === "machines" && second === "add" && count === 2) return { page: "machine-add" };
  if (first === "operations" && second !== undefined && count === 2) return { page: "operation", operationId: second };
  if (first === "events" && count === 1) return { page: "events" };
  return { page: "unknown", path };
}

/** As it stands where it is no encoding: an address typed by hand. */
function decodedSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function search(query: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(query).toString();
  return text === "" ? "" : `?${text}`;
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
