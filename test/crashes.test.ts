import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { HiveClient, ManagedWorker } from "@hive-registry/client";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually, within } from "./support/eventually.ts";
import { gone, lives } from "./support/processes.ts";
import { watching } from "./support/watching.ts";
import { type AnAgent, aSteadyPort, aWorkplace, PROGRAM } from "./support/workplace.ts";

/** No change is told by a beat that was due anyway: within a test there is none. */
const NO_BEATS = ["--heartbeat-interval-ms", "600000"];

const demoIsReady = (agent: AnAgent): Promise<ManagedWorker & { readonly pid: number }> =>
  eventually("the demonstration worker is ready", async () => {
    const worker = (await agent.client.workers()).find(({ phase }) => phase === "ready");
    return worker?.pid === undefined ? undefined : { ...worker, pid: worker.pid };
  });

const routeWorks = (client: HiveClient) =>
  eventually("the queen names a worker", () => client.route("hive-demo").catch(() => undefined));

/** Each API has its own shape for the same refusal. */
const unauthenticated = (path: string) => {
  if (path.startsWith("/v1/messages")) return { type: "error", error: { type: "authentication_error" } };
  return { error: { code: path.startsWith("/v1/") ? "invalid_api_key" : "UNAUTHENTICATED" } };
};

const answers = async (workerUrl: string | undefined): Promise<boolean> => {
  const response = await fetch(`${workerUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "hive-demo", messages: [{ role: "user", content: "hello" }], max_tokens: 4 }),
  });
  await response.text();
  return response.status === 200;
};

describe("kill -9", { timeout: 120_000 }, () => {
  test("of a worker: the queen hears it at once and sends nobody there, and the hive starts it again", async () => {
    const workplace = aWorkplace();
    const queen = await workplace.queen(NO_BEATS);
    const agent = await workplace.agent(queen.url, ["--id", "desk"]);
    const { pid, restarts } = await demoIsReady(agent);
    expect(restarts).toBe(0);
    const before = await routeWorks(queen.client);
    const watch = await watching(queen.client);

    process.kill(pid, "SIGKILL");
    await watch.sees(
      "the worker takes nothing",
      (change) => change.type === "hive.heartbeat" && change.workers.every(({ state }) => state !== "Idle"),
    );
    await eventually("the worker is back", async () => {
      const [worker] = await agent.client.workers();
      return worker?.phase === "ready" && worker.restarts === 1 && worker.pid !== pid;
    });
    const after = await routeWorks(queen.client);
    expect(after.worker.worker_id).toBe(before.worker.worker_id);
    expect(await answers(after.worker.url)).toBe(true);
    expect(lives(agent.pid)).toBe(true);
  });

  test("of a hive: its workers end, the queen sends nobody there, and the next hive takes over", async () => {
    const workplace = aWorkplace();
    const queen = await workplace.queen(NO_BEATS);
    const agent = await workplace.agent(queen.url, ["--id", "desk"]);
    const worker = await demoIsReady(agent);
    const { boot_id } = await queen.client.hive("desk");
    await routeWorks(queen.client);
    const watch = await watching(queen.client);

    await agent.end("SIGKILL");
    await watch.sees("the hive is doubted", (change) => change.type === "hive.suspect" && change.reason === "closed");
    await expect(queen.client.route("hive-demo")).rejects.toMatchObject({ code: "NO_WORKER", status: 503 });
    expect(await queen.client.hive("desk")).toMatchObject({ status: "suspect", worker_count: 1 });
    await gone(worker.pid);

    const next = await workplace.agent(queen.url, ["--id", "desk"]);
    await demoIsReady(next);
    const { worker: chosen } = await routeWorks(queen.client);
    expect(await answers(chosen.url)).toBe(true);
    const now = await queen.client.hive("desk");
    expect(now).toMatchObject({ status: "alive", worker_count: 1 });
    expect(now.boot_id).not.toBe(boot_id);
  });

  test("of the queen: workers answer on, and a queen started anew has its catalog and hears the hive by itself", async () => {
    const workplace = aWorkplace();
    const port = String(await aSteadyPort());
    const queen = await workplace.queen(["--port", port]);
    const agent = await workplace.agent(queen.url, ["--id", "desk"]);
    const worker = await demoIsReady(agent);
    const { worker: chosen } = await routeWorks(queen.client);
    const labels = { room: "cellar" };
    await queen.client.putCatalogHive("desk", { host: "127.0.0.1", labels });
    await queen.client.putCatalogHive("rack", { host: "10.0.0.9" });

    await queen.end("SIGKILL");
    expect(await answers(chosen.url)).toBe(true);

    const next = await workplace.queen(["--port", port]);
    expect((await routeWorks(next.client)).worker).toMatchObject({ worker_id: "demo", url: chosen.url });
    expect(lives(worker.pid)).toBe(true);
    expect(await next.client.catalogHive("rack")).toMatchObject({ host: "10.0.0.9", status: "unknown" });
    await eventually("the catalog knows it is online", async () => {
      const record = await next.client.catalogHive("desk");
      expect(record.labels).toEqual(labels);
      return record.status === "online";
    });

    // It ends in order: with a goodbye, and without leaving its worker.
    expect(await agent.end("SIGTERM")).toEqual({ code: 0, signal: null });
    expect(lives(worker.pid)).toBe(false);
    expect(await next.client.hive("desk")).toMatchObject({ status: "silent" });
    await expect(next.client.route("hive-demo")).rejects.toMatchObject({ code: "NO_WORKER" });
  });

  test("of hive up itself: hive down ends what it left, and a new hive up says so before", async () => {
    const workplace = aWorkplace();
    const up = workplace.start(PROGRAM.hive, ["up", "--port", "0", "--hive-port", "0"]);
    await up.says(/Ctrl-C stops it all/);
    await up.end("SIGKILL");
    const left = workplace.pids();
    expect(left.length).toBeGreaterThanOrEqual(2);

    const again = await workplace.hive("up", "--port", "0", "--hive-port", "0");
    expect(again.code).toBe(0);
    expect(again.stdout).toContain("An earlier hive up was killed, and what it started still runs");
    expect((await workplace.hive("down")).stdout).toContain("Ended what a killed hive up had left");
    await gone(...left);
  });
});

describe("a port that is taken", { timeout: 60_000 }, () => {
  const aTakenPort = async (): Promise<string> => {
    const server = createServer((_, response) => response.end("something else"));
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return String((server.address() as AddressInfo).port);
  };

  test("is one line that names the port and the flag, and exit code 1", async () => {
    const workplace = aWorkplace();
    const port = await aTakenPort();
    const [queen, agent, up, hive] = await Promise.all([
      workplace.hive("queen", "--port", port),
      workplace.hive("agent", "--port", port, "--queen", "http://127.0.0.1:9"),
      workplace.hive("up", "--port", port),
      workplace.hive("up", "--port", "0", "--hive-port", port, "--state-dir", `${workplace.root}/other`),
    ]);
    for (const { code, stdout, stderr } of [queen, agent]) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      const said = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
      expect(said).toEqual([expect.stringMatching(new RegExp(`port ${port} is taken.*--port`))]);
    }
    expect(up).toMatchObject({ code: 1, stdout: "" });
    expect(up.stderr).toMatch(new RegExp(`^Port ${port} is taken by another program\\..*--port \\d+\\n$`));
    expect(hive.code).toBe(1);
    expect(hive.stderr).toContain(`port ${port} is taken`);
    expect(hive.stderr).toContain("--hive-port");
    await workplace.isEmpty();
  });
});

describe("SIGTERM", { timeout: 60_000 }, () => {
  /** Sends the head and a part of a heartbeat; the rest comes when it is told to. */
  const aSlowHeartbeat = async (url: string, hiveId: string) => {
    const body = JSON.stringify({ hive_id: hiveId, timestamp: "2026-01-01T00:00:00Z", workers: [] });
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    let reply = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      reply += text;
    });
    const ended = new Promise<string>((resolve) => socket.on("close", () => resolve(reply)).on("error", () => {}));
    await new Promise<void>((resolve) => socket.on("connect", resolve));
    const head = [
      "POST /api/v1/heartbeat HTTP/1.1",
      "host: localhost",
      "content-type: application/json",
      `content-length: ${body.length}`,
      "expect: 100-continue",
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    // The server says "continue" once it has read the head: from then on the request is under way.
    await eventually("100 Continue", () => reply.includes("100 Continue"));
    socket.write(body.slice(0, 10));
    return { finish: () => void socket.write(body.slice(10)), ended };
  };

  test("lets the queen finish its replies, and ends its streams with a reason", async () => {
    const workplace = aWorkplace();
    const queen = await workplace.queen();
    const stream = await fetch(`${queen.url}/api/v1/watch`);
    const [answered, stuck] = [
      await aSlowHeartbeat(queen.url, "slow"),
      await aSlowHeartbeat(queen.url, "never-complete"),
    ];

    queen.child.kill("SIGTERM");
    const text = await within("the end of the stream", stream.text());
    expect(text).toContain("event: snapshot");
    expect(text).toContain("SHUTTING_DOWN");
    answered.finish();
    expect(await within("a reply", answered.ended)).toMatch(/HTTP\/1\.1 200 OK[\s\S]*"accepted":true/);
    // 5 s are promised; the rest is for a machine that is busy.
    expect(await within("its end", queen.exited, 15_000)).toEqual({ code: 0, signal: null });
    expect(await within("the cut", stuck.ended)).not.toContain("200 OK");
  });
});

describe("beyond this machine", { timeout: 120_000 }, () => {
  const TOKEN = "s3cret-of-the-fleet";

  test("nothing listens without a token, and what to do is said", async () => {
    const workplace = aWorkplace();
    const shared = workplace.file("shared-token", TOKEN, 0o644);
    const empty = workplace.file("empty-token", "\n");
    const [queen, agent, up, readable, blank] = await Promise.all([
      workplace.run(PROGRAM.queen, ["--listen", "0.0.0.0", "--port", "0"]),
      workplace.run(PROGRAM.agent, ["--listen", "0.0.0.0", "--port", "0"]),
      workplace.hive("up", "--listen", "0.0.0.0", "--port", "0"),
      workplace.run(PROGRAM.queen, ["--listen", "0.0.0.0", "--port", "0", "--token-file", shared]),
      workplace.run(PROGRAM.queen, ["--listen", "0.0.0.0", "--port", "0", "--token-file", empty]),
    ]);
    for (const { code, stdout, stderr } of [queen, agent]) {
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(/--listen 0\.0\.0\.0 needs a token.*HIVE_TOKEN or --token-file\n$/);
    }
    expect(up.code).not.toBe(0);
    expect(up.stderr).toMatch(/needs a token.*HIVE_TOKEN or --token-file/);
    expect(readable).toMatchObject({ code: 2, stdout: "" });
    expect(readable.stderr).toContain(`chmod 600 ${shared}`);
    expect(blank).toMatchObject({ code: 2, stdout: "" });
    expect(blank.stderr).toContain(empty);
    await workplace.isEmpty();
  });

  test("with a token every path but /healthz and the dashboard's empty page asks for it", async () => {
    const workplace = aWorkplace();
    const file = workplace.file("token", `${TOKEN}\n`);
    const queen = await workplace.queen(["--listen", "0.0.0.0", "--token-file", file]);
    const url = queen.url.replace("0.0.0.0", "127.0.0.1");
    const authorization = `Bearer ${TOKEN}`;
    const document = (await (await fetch(`${url}/openapi.json`, { headers: { authorization } })).json()) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, "x") })),
    );
    expect(routes.length).toBeGreaterThan(20);
    const unlisted = ["/openapi.json", "/docs", "/docs/", "/docs/json", "/", "/api/v1/nothing", "/healthz/"];
    const all = [...routes, ...unlisted.map((path) => ({ method: "GET", path }))];
    for (const { method, path } of all) {
      const statuses = [];
      for (const headers of [{}, { authorization: `${authorization}x` }, { authorization: "Bearer" }]) {
        const response = await fetch(url + path, { method, headers });
        statuses.push(response.status);
        if (response.status === 401) expect(await response.json()).toMatchObject(unauthenticated(path));
      }
      const open = path === "/healthz" || path === "/";
      expect({ method, path, statuses }).toEqual({ method, path, statuses: open ? [200, 200, 200] : [401, 401, 401] });
    }
    expect((await fetch(`${url}/api/v1/stats`, { headers: { authorization } })).status).toBe(200);
  });

  test("a hive, its worker and the command work with the fleet's token, and without it are told what is missing", async () => {
    const workplace = aWorkplace();
    const file = workplace.file("token", TOKEN);
    const up = workplace.start(PROGRAM.hive, ["up", "--port", "0", "--hive-port", "0", "--token-file", file]);
    await up.says(/Ctrl-C stops it all/);
    expect(up.stdout()).toContain(`curl -H "authorization: Bearer $(cat ${file})" '`);

    const [without, withFile, withVariable, wrong, shared] = await Promise.all([
      workplace.hive("models"),
      workplace.hive("models", "--json", "--token-file", file),
      workplace.run(PROGRAM.hive, ["models", "--json"], { env: { HIVE_TOKEN: TOKEN } }),
      workplace.run(PROGRAM.hive, ["models", "--json"], { env: { HIVE_TOKEN: "guess" } }),
      workplace.hive("models", "--token-file", workplace.file("shared", TOKEN, 0o644)),
    ]);
    for (const { code, stdout, stderr } of [without, wrong]) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toContain("Give the token with --token-file FILE or HIVE_TOKEN");
    }
    expect(JSON.parse(withFile.stdout)).toMatchObject([{ model: "hive-demo" }]);
    expect(withVariable.stdout).toBe(withFile.stdout);
    expect(shared.code).toBe(1);
    expect(shared.stderr).toContain("chmod 600");

    const chat = await workplace.hive("chat", "--token-file", file, "hive-demo", "What is a hive?");
    expect(chat.code).toBe(0);
    expect(chat.stdout).toContain("a hive is the agent that looks after one computer");
    // The token is on no command line, where every user of the machine could read it.
    expect(workplace.running().join("\n")).not.toContain(TOKEN);
    expect(await up.end("SIGINT")).toEqual({ code: 0, signal: null });
    await workplace.isEmpty();
  });

  test("a worker that others can reach demands the token as its API key", async () => {
    const workplace = aWorkplace();
    const file = workplace.file("token", TOKEN);
    const queen = await workplace.queen(["--token-file", file], { token: TOKEN });
    // Asked for by a name that is not loopback's: so the worker listens beyond it.
    const agent = await workplace.agent(queen.url, [
      "--id",
      "desk",
      "--token-file",
      file,
      "--advertise",
      "127-0-0-1.test",
    ]);
    await demoIsReady(agent);
    const { worker } = await routeWorks(queen.client);
    expect(worker.url).toMatch(/^http:\/\/127-0-0-1\.test:\d+$/);
    const url = worker.url?.replace("127-0-0-1.test", "127.0.0.1");

    const ask = (headers: Record<string, string>) =>
      fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ model: "hive-demo", messages: [{ role: "user", content: "hi" }], max_tokens: 2 }),
      });
    expect((await ask({})).status).toBe(401);
    expect((await ask({ authorization: "Bearer guess" })).status).toBe(401);
    expect((await ask({ authorization: `Bearer ${TOKEN}` })).status).toBe(200);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });
});
