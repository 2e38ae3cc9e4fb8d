import { type AddressInfo, createServer } from "node:net";
import type { HiveClient, Operation } from "@hive-registry/client";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually, within } from "./support/eventually.ts";
import { commandOf, gone } from "./support/processes.ts";
import { aSteadyPort, aWorkplace, type Workplace } from "./support/workplace.ts";

/** Posts as any program would, and gives the status and the body. */
async function post<T = never>(url: string, path: string, body?: unknown): Promise<{ status: number; body: T }> {
  const response = await fetch(url + path, {
    method: "POST",
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as T };
}

interface Started {
  readonly operation_id: string;
  readonly hive_id: string;
  readonly hive_url: string;
  readonly port: number;
  readonly error?: { readonly code: string; readonly message: string };
}

const ended = (client: HiveClient, operationId: string): Promise<Operation> =>
  eventually("the end of the operation", async () => {
    const operation = await client.operation(operationId);
    return operation.state === "running" ? undefined : operation;
  });

const stepsOf = ({ steps }: Operation) => steps.map(({ name, state }) => [name, state]);

const agentsOf = (workplace: Workplace): number[] =>
  workplace.pids().filter((pid) => /hive\/dist\/main\.js/.test(commandOf(pid)));

const workerIsReady = (client: HiveClient) =>
  eventually("a worker", () => client.route("hive-demo").catch(() => undefined));

describe("starting a hive through the queen", { timeout: 120_000 }, () => {
  test("answers at once; the record is unknown first, and the first heartbeat makes it online", async () => {
    const workplace = aWorkplace();
    const { url, client } = await workplace.queen();
    const port = await aSteadyPort();
    expect(await client.putCatalogHive("desk", { host: "127.0.0.1", port })).toMatchObject({ status: "unknown" });

    const { status, body } = await post<Started>(url, "/api/v1/catalog/hives/desk/start");
    expect(status).toBe(202);
    expect(body).toMatchObject({ hive_id: "desk", hive_url: `http://127.0.0.1:${port}`, port });

    const stream = await fetch(`${url}/api/v1/operations/${body.operation_id}`, {
      headers: { accept: "text/event-stream" },
    });
    expect(stream.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const told = (await within("the end of the stream", stream.text()))
      .split("\n")
      .filter((line) => line.startsWith("data: "))
      .map((line) => JSON.parse(line.slice("data: ".length)) as Operation);
    expect(told.at(0)?.state).toBe("running");
    expect(told.at(-1)).toMatchObject({ kind: "start", hive_id: "desk", state: "succeeded" });
    expect(stepsOf(told.at(-1) as Operation)).toEqual([
      ["start the process", "succeeded"],
      ["wait for its first heartbeat", "succeeded"],
    ]);
    expect(await client.operation(body.operation_id)).toEqual(told.at(-1));

    await eventually("the record is online", async () => (await client.catalogHive("desk")).status === "online");
    expect(await client.hive("desk")).toMatchObject({ online: true, hive_url: `http://127.0.0.1:${port}` });
    expect((await client.catalogHive("desk")).last_heartbeat_ms).toBeGreaterThan(0);
  });

  test("twice at the same time starts one hive, and a third time says that it runs", async () => {
    const workplace = aWorkplace();
    const { url, client } = await workplace.queen();
    const start = () => post<Started>(url, "/api/v1/catalog/hives/desk/start", { port: 0 });
    const answers = await Promise.all([start(), start()]);
    const accepted = answers.filter(({ status }) => status === 202);
    expect(accepted.length).toBeGreaterThanOrEqual(1);
    for (const { status, body } of answers) {
      if (status !== 202) expect([status, body.error?.code]).toEqual([409, "ALREADY_RUNNING"]);
    }
    for (const { body } of accepted) expect((await ended(client, body.operation_id)).state).toBe("succeeded");
    await workerIsReady(client);
    expect(agentsOf(workplace)).toHaveLength(1);

    const third = await start();
    expect(third.status).toBe(202);
    expect(third.body.hive_url).toBe(accepted[0]?.body.hive_url);
    const operation = await ended(client, third.body.operation_id);
    expect(operation.state).toBe("succeeded");
    expect(operation.steps[0]?.output_tail).toContain("already");
    expect(agentsOf(workplace)).toHaveLength(1);
    expect((await client.listCatalog()).map(({ id, port }) => [id, port])).toEqual([["desk", third.body.port]]);
  });

  test("stopping it leaves no process and no child, and it can be started again", async () => {
    const workplace = aWorkplace();
    const queen = await workplace.queen();
    const { url, client } = queen;
    const first = await post<Started>(url, "/api/v1/catalog/hives/desk/start", { port: 0 });
    await ended(client, first.body.operation_id);
    await workerIsReady(client);
    const started = workplace.pids().filter((pid) => pid !== queen.pid);
    expect(started).toHaveLength(2);

    const { status, body } = await post<Started>(url, "/api/v1/catalog/hives/desk/stop");
    expect(status).toBe(202);
    expect((await ended(client, body.operation_id)).state).toBe("succeeded");
    await gone(...started);
    expect(workplace.pids()).toEqual([queen.pid]);
    expect(await client.hive("desk")).toMatchObject({ status: "silent" });
    await eventually("the record is offline", async () => (await client.catalogHive("desk")).status === "offline");

    const again = await post<Started>(url, "/api/v1/catalog/hives/desk/restart");
    expect(again.status).toBe(202);
    expect((await ended(client, again.body.operation_id)).state).toBe("succeeded");
    await eventually("the record is online", async () => (await client.catalogHive("desk")).status === "online");
    expect(agentsOf(workplace)).toHaveLength(1);
  });

  test("a hive that cannot start fails with its last words, and its record stays unknown", async () => {
    const workplace = aWorkplace();
    const { url, client } = await workplace.queen([], { env: { HIVE_WORKER_PORT_START: "nonsense" } });
    const { status, body } = await post<Started>(url, "/api/v1/catalog/hives/desk/start", { port: 0 });
    expect(status).toBe(202);
    const operation = await ended(client, body.operation_id);
    expect(operation).toMatchObject({ state: "failed", error: { code: "HIVE_FAILED" } });
    expect(stepsOf(operation)).toEqual([
      ["start the process", "succeeded"],
      ["wait for its first heartbeat", "failed"],
    ]);
    expect(operation.steps.at(-1)?.output_tail).toContain("HIVE_WORKER_PORT_START must be a port");
    expect(await client.catalogHive("desk")).toMatchObject({ status: "unknown" });
    expect(agentsOf(workplace)).toEqual([]);
  });

  test("a port that another program has is told at once, and nothing is started", async () => {
    const workplace = aWorkplace();
    const { url, client } = await workplace.queen();
    const server = createServer();
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { status, body } = await post<Started>(url, "/api/v1/catalog/hives/desk/start", { port });
    expect([status, body.error?.code]).toEqual([409, "PORT_IN_USE"]);
    expect(body.error?.message).toContain(String(port));
    expect(await client.catalogHive("desk")).toMatchObject({ status: "unknown" });
    expect(agentsOf(workplace)).toEqual([]);
  });

  test("hives of other machines, and those that nobody knows, are refused with what to do", async () => {
    const workplace = aWorkplace();
    const { url, client } = await workplace.queen();
    await client.putCatalogHive("rack", { host: "10.0.0.9" });
    const far = await post<Started>(url, "/api/v1/catalog/hives/rack/start");
    expect([far.status, far.body.error?.code]).toEqual([409, "NOT_MANAGED"]);
    expect(far.body.error?.message).toContain("hive add");
    const unknown = await post<Started>(url, "/api/v1/catalog/hives/nobody/stop");
    expect([unknown.status, unknown.body.error?.code]).toEqual([404, "HIVE_NOT_FOUND"]);
    const bad = await post<Started>(url, "/api/v1/catalog/hives/..%2f..%2fetc/start");
    expect([bad.status, bad.body.error?.code]).toEqual([400, "INVALID_REQUEST"]);
    await expect(client.operation("no-such")).rejects.toMatchObject({ status: 404, code: "OPERATION_NOT_FOUND" });
  });

  test("a queen that ends in between changes nothing: the hive's heartbeat finds the next one", async () => {
    const workplace = aWorkplace();
    const port = String(await aSteadyPort());
    const queen = await workplace.queen(["--port", port]);
    const { status } = await post<Started>(queen.url, "/api/v1/catalog/hives/desk/start", { port: 0 });
    expect(status).toBe(202);
    await queen.end("SIGKILL");

    const next = await workplace.queen(["--port", port]);
    await eventually("the record is online", async () => (await next.client.catalogHive("desk")).status === "online");
    await workerIsReady(next.client);
    expect(agentsOf(workplace)).toHaveLength(1);
    // The next queen can end what the one before it started.
    const { body } = await post<Started>(next.url, "/api/v1/catalog/hives/desk/stop");
    expect((await ended(next.client, body.operation_id)).state).toBe("succeeded");
    expect(workplace.pids()).toEqual([next.pid]);
  });
});

test("hive start and hive stop do the same from the command line", { timeout: 120_000 }, async () => {
  const workplace = aWorkplace();
  const queen = await workplace.queen();
  await queen.client.putCatalogHive("desk", { host: "127.0.0.1", port: await aSteadyPort() });
  const started = await workplace.hive("start", "desk", "--queen", queen.url);
  expect(started.code).toBe(0);
  expect(started.stdout).toMatch(/desk runs at http:\/\/127\.0\.0\.1:\d+/);
  const stopped = await workplace.hive("stop", "desk", "--queen", queen.url);
  expect(stopped.code).toBe(0);
  expect(stopped.stdout).toContain("desk is stopped");
  expect(workplace.pids()).toEqual([queen.pid]);
});
