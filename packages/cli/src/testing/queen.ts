import type { ServerResponse } from "node:http";
import {
  type CatalogRecord,
  HiveClient,
  type MachineAdd,
  type Operation,
  type OperationKind,
} from "@hive-registry/client";
import { aHive, NOW_MS } from "./fakes.ts";
import { aServer, type TestServer } from "./server.ts";

/** What a story tells of one operation: its steps so far, and how it ended, where it has. */
export type Told = Pick<Operation, "steps"> & Partial<Pick<Operation, "state" | "error">>;

export interface FakeQueen extends TestServer {
  readonly client: HiveClient;
  readonly records: Map<string, CatalogRecord>;
  /** Ids of those that are heard. */
  readonly heard: Set<string>;
  readonly operations: Operation[];
  /** What was asked of machines, in order: `add attic`. */
  readonly asked: string[];
  /** How many operations went on at once, at most. */
  atOnceMax(): number;
}

export interface FakeQueenOptions {
  readonly records?: readonly CatalogRecord[];
  readonly heard?: readonly string[];
  /** What is told of an operation, one after another. Default: one step, and it succeeds. */
  readonly script?: (kind: OperationKind, hiveId: string, body: MachineAdd | undefined) => readonly Told[];
}

export const aRecord = (id: string, more: Partial<CatalogRecord> = {}): CatalogRecord => ({
  ...{ id, host: `${id}.lan`, port: 7835, status: "online", created_at_ms: 0, updated_at_ms: 0 },
  ssh: { host: id, port: 22, user: "ada" },
  ...more,
});

export const aStep = (
  name: string,
  output_tail = "",
  more: Partial<Operation["steps"][number]> = {},
): Operation["steps"][number] => ({
  ...{ name, state: "succeeded", started_at_ms: NOW_MS, ended_at_ms: NOW_MS + 12, output_tail },
  ...more,
});

const succeeds = (): readonly Told[] => [{ steps: [aStep("connect"), aStep("first heartbeat")], state: "succeeded" }];

/** A queen over real sockets that keeps a catalog, and tells of machines what the story says. An operation without an end goes on until it is cancelled. */
export async function aFakeQueen({
  records = [],
  heard = [],
  script = succeeds,
}: FakeQueenOptions = {}): Promise<FakeQueen> {
  const catalog = new Map(records.map((record) => [record.id, record]));
  const alive = new Set(heard);
  const operations: Operation[] = [];
  const scripts = new Map<string, readonly Told[]>();
  const followers = new Map<string, ServerResponse>();
  const asked: string[] = [];
  let [running, most] = [0, 0];

  const begin = (kind: OperationKind, hiveId: string, body: MachineAdd | undefined): Operation => {
    const operation_id = `${operations.length + 1}`.padStart(4, "0").padEnd(12, "-operation");
    const operation: Operation = {
      ...{ operation_id, kind, hive_id: hiveId, state: "running", started_at_ms: NOW_MS },
      steps: [],
    };
    operations.unshift(operation);
    scripts.set(operation_id, script(kind, hiveId, body));
    asked.push(`${kind} ${hiveId}`);
    running += 1;
    most = Math.max(most, running);
    return operation;
  };
  const change = (operation: Operation, told: Told): Operation => {
    const state = told.state ?? "running";
    const next = { ...operation, ...told, state, ...(state === "running" ? {} : { ended_at_ms: NOW_MS + 1_500 }) };
    operations[operations.findIndex(({ operation_id }) => operation_id === operation.operation_id)] = next;
    if (operation.state === "running" && state !== "running") running -= 1;
    return next;
  };
  const happened = ({ kind, hive_id, state }: Operation, body: MachineAdd | undefined) => {
    if (state !== "succeeded") return;
    if (kind === "add" && body?.dry_run !== true) {
      const before = catalog.get(hive_id);
      const ssh = { ...{ port: 22, user: "ada" }, ...before?.ssh, ...body?.ssh, host: body?.ssh.host ?? hive_id };
      catalog.set(hive_id, aRecord(hive_id, { ssh, port: body?.port || 7835, labels: body?.labels ?? {} }));
    }
    if (kind === "uninstall" || kind === "stop") alive.delete(hive_id);
    else if (body?.dry_run !== true) alive.add(hive_id);
  };
  const bodies = new Map<string, MachineAdd | undefined>();
  const stream = (response: ServerResponse, operation: Operation) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let last = operation;
    for (const told of scripts.get(operation.operation_id) ?? []) {
      last = change(last, told);
      happened(last, bodies.get(last.operation_id));
      response.write(`event: operation\ndata: ${JSON.stringify(last)}\n\n`);
    }
    if (last.state === "running") followers.set(last.operation_id, response);
    else response.end();
  };

  const server = await aServer((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://x");
    const [, , , area, second, third, fourth] = pathname.split("/").map(decodeURIComponent);
    const send = (status: number, body: unknown) =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    const refuse = (status: number, code: string) => send(status, { error: { code, message: "not there" } });
    const text = server.bodies.at(-1);
    const body = text === undefined || text === "" ? undefined : (JSON.parse(text) as MachineAdd & CatalogRecord);
    if (area === "catalog" && third === undefined) return send(200, { hives: [...catalog.values()] });
    if (area === "catalog" && third !== undefined && fourth === undefined) {
      if (request.method === "PUT") catalog.set(third, aRecord(third, { ...body, ssh: body?.ssh as never }));
      const record = catalog.get(third);
      if (request.method === "DELETE" && catalog.delete(third)) return void response.writeHead(204).end();
      return record === undefined ? refuse(404, "HIVE_NOT_FOUND") : send(200, record);
    }
    if (area === "catalog" && fourth === "logs") return send(200, { text: "its last words\n" });
    if (area === "catalog" && fourth === "machine") return send(200, INSTALLED);
    if (area === "catalog") {
      const other = operations.find(({ hive_id, state }) => hive_id === third && state === "running");
      if (other !== undefined) {
        const details = { operation_id: other.operation_id };
        return send(409, { error: { code: "ALREADY_RUNNING", message: "It is under way", details } });
      }
      const operation = begin(fourth as OperationKind, third ?? "", body);
      bodies.set(operation.operation_id, body);
      return send(202, { ...operation, hive_url: `http://${third}.lan:7835`, port: 7835 });
    }
    if (area === "operations" && second === undefined) return send(200, { operations });
    if (area === "operations") {
      const operation = operations.find(({ operation_id }) => operation_id === second);
      if (operation === undefined) return refuse(404, "OPERATION_NOT_FOUND");
      if (third !== "cancel") return stream(response, operation);
      const cancelled = change(operation, { steps: operation.steps, state: "cancelled" });
      followers.get(operation.operation_id)?.end(`event: operation\ndata: ${JSON.stringify(cancelled)}\n\n`);
      return send(202, cancelled);
    }
    if (area === "hives" && second === undefined)
      return send(200, { hives: [...alive].map((hive_id) => aHive({ hive_id })) });
    if (request.method === "DELETE") return void response.writeHead(204).end();
    return alive.has(second ?? "")
      ? send(200, { ...aHive({ hive_id: second ?? "" }), online: true })
      : refuse(404, "HIVE_NOT_FOUND");
  });
  const client = new HiveClient({ baseUrl: server.url });
  return { ...server, client, records: catalog, heard: alive, operations, asked, atOnceMax: () => most };
}

const INSTALLED = {
  ...{ hive_id: "attic", queen_id: "q", queen_url: "http://10.0.0.1:7833", version: "0.1.0-abcdef", port: 7835 },
  ...{ service: false, running: true, since_ms: NOW_MS },
};
