import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { type AQueen, aSteadyPort, aWorkplace, ROOT, type Workplace } from "./support/workplace.ts";

const NGINX = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"].find(existsSync) ?? "nginx";

/** The configuration of the guide, word for word, but for its address and its port. */
function documented(queenUrl: string, port: number): string {
  const guide = readFileSync(join(ROOT, "docs/guide/nginx.md"), "utf8");
  const block = /<!-- nginx -->\s*```nginx\n([\s\S]*?)```/.exec(guide)?.[1] ?? "";
  expect(block).toContain("listen 8080;");
  expect(block).toContain("http://127.0.0.1:7833");
  return block.replace("listen 8080;", `listen 127.0.0.1:${port};`).replace("http://127.0.0.1:7833", queenUrl);
}

/** A real nginx before a queen. Ends with the test. */
async function anNginx(place: Workplace, queen: AQueen): Promise<string> {
  const port = await aSteadyPort();
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (one) => `${one}_temp_path ${place.root}/${one};`,
  );
  const file = place.file(
    "nginx.conf",
    `daemon off; master_process off; pid ${place.root}/nginx.pid; error_log stderr warn;
     events { worker_connections 512; }
     http { access_log off; ${folders.join(" ")} ${documented(queen.url, port)} }`,
  );
  const nginx: ChildProcess = spawn(NGINX, ["-e", "stderr", "-p", place.root, "-c", file], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  nginx.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const ended = new Promise<void>((resolve, reject) => {
    nginx.on("error", reject);
    nginx.on("close", () => resolve());
  });
  ended.catch(() => undefined);
  onTestFinished(async () => {
    nginx.kill("SIGTERM");
    await ended.catch(() => undefined);
  });
  await eventually(`nginx listens: ${said}`, () => {
    if (nginx.exitCode !== null) throw new Error(`nginx ended: ${said}`);
    return answers(port);
  });
  return `http://127.0.0.1:${port}`;
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });

interface AskedOf {
  readonly request: IncomingMessage;
  readonly body: string;
  readonly response: ServerResponse;
  readonly hungUp: Promise<void>;
}

/** A worker that answers as told, and keeps what it was asked. */
async function aWorker(answer: (asked: AskedOf) => void) {
  const asked: AskedOf[] = [];
  const server = createServer(async (request, response) => {
    const hungUp = new Promise<void>((resolve) => response.on("close", () => response.writableFinished || resolve()));
    let body = "";
    try {
      for await (const chunk of request.setEncoding("utf8")) body += chunk;
    } catch {
      return;
    }
    const one = { request, body, response, hungUp };
    asked.push(one);
    answer(one);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const sayWho =
  (who: string) =>
  ({ response }: AskedOf): void => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ who }));
  };

/** A queen, nginx before her, and workers that a hive tells of. */
async function aHouse(workers: readonly Record<string, unknown>[], token?: string) {
  const place = aWorkplace();
  const queen = await place.queen(
    ["--catalog", "memory"],
    token === undefined ? {} : { token, env: { HIVE_TOKEN: token } },
  );
  const beat = {
    ...{ hive_id: "desk", timestamp: new Date().toISOString(), boot_id: "b", seq: 1, interval_ms: 60_000 },
    workers: workers.map((fields, at) => ({
      ...{ worker_id: `w${at}`, state: "Idle", last_heartbeat: new Date().toISOString(), health_status: "healthy" },
      ...{ model_id: "m", slots_total: 2, gpu_percent: 30 * at, ...fields },
    })),
  };
  const key = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const headers = { "content-type": "application/json", ...key };
  const taken = await fetch(`${queen.url}/api/v1/heartbeat`, { method: "POST", headers, body: JSON.stringify(beat) });
  expect(taken.status).toBe(200);
  const url = await anNginx(place, queen);
  return {
    ...{ url, queen, headers },
    chat: (fields: object = {}, init: RequestInit = {}) =>
      fetch(`${url}/v1/chat/completions?a=b`, {
        ...{ method: "POST", headers, ...init },
        body: JSON.stringify({ model: "m", ...fields }),
      }),
    /** Nothing is held any more: nginx has told the queen. */
    allGivenBack: () =>
      eventually("every place is given back", async () => (await queen.client.stats()).reservations.active === 0),
  };
}

describe("nginx before the queen", () => {
  test("carries the bytes itself: body, query, headers and answer as the client and the worker sent them", async () => {
    const worker = await aWorker(sayWho("worker"));
    const { chat, queen, allGivenBack } = await aHouse([{ url: worker.url }]);
    const text = "漢".repeat(100_000);
    const reply = await chat({ text });
    expect([reply.status, await reply.json()]).toEqual([200, { who: "worker" }]);
    const { request, body } = worker.asked[0] as AskedOf;
    expect([request.method, JSON.parse(body)]).toEqual(["POST", { model: "m", text }]);
    expect(request.url).toMatch(/^\/v1\/chat\/completions\?a=b/);
    expect(request.headers["x-hive-reservation"]).toBeTruthy();
    expect([reply.headers.get("x-hive-worker"), reply.headers.get("x-hive-id")]).toEqual(["w0", "desk"]);
    await allGivenBack();
    // The answer did not pass the queen: she handed the request over.
    const metrics = await (await fetch(`${queen.url}/metrics`)).text();
    expect(metrics).toContain(
      'hive_registry_gateway_requests_total{path="/v1/chat/completions",ending="handed_over"} 1',
    );
    expect(metrics).toContain('hive_registry_gateway_requests_total{path="/v1/chat/completions",ending="ok"} 0');
  });

  test("holds nothing of a stream back, and gives the place back at its end", async () => {
    const worker = await aWorker(({ response }) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
    });
    const { chat, queen, allGivenBack } = await aHouse([{ url: worker.url, slots_total: 1 }]);
    const reply = await chat({ stream: true });
    const reader = (reply.body as ReadableStream<Uint8Array>).getReader();
    const read = async () => new TextDecoder().decode((await reader.read()).value);
    for (let piece = 1; piece <= 5; piece++) {
      expect(await read()).toBe(`data: ${piece}\n\n`);
      if (piece < 5) worker.asked[0]?.response.write(`data: ${piece + 1}\n\n`);
    }
    expect((await queen.client.stats()).reservations.active).toBe(1);
    worker.asked[0]?.response.end();
    expect((await reader.read()).done).toBe(true);
    await allGivenBack();
  });

  test("closes the worker's connection when the client leaves, and says so", async () => {
    const worker = await aWorker(() => undefined);
    const { chat, queen, allGivenBack } = await aHouse([{ url: worker.url }]);
    const client = new AbortController();
    const asking = chat({}, { signal: client.signal });
    await eventually("the worker is asked", () => worker.asked.length === 1);
    client.abort();
    await expect(asking).rejects.toThrow();
    await worker.asked[0]?.hungUp;
    await allGivenBack();
    expect((await queen.client.stats()).requests).toMatchObject({ failed_total: 0 });
  });

  test("lets the queen find another worker when the first cannot be reached, or has too much to do", async () => {
    const busy = await aWorker(({ response }) => void response.writeHead(503).end('{"error":"busy"}'));
    const good = await aWorker(sayWho("good"));
    const workers = [{ url: "http://127.0.0.1:9" }, { url: busy.url }, { url: good.url }];
    const { chat, queen, allGivenBack } = await aHouse(workers);
    for (let request = 0; request < 4; request++) {
      const reply = await chat({ request });
      expect([reply.status, await reply.json()]).toEqual([200, { who: "good" }]);
      expect(reply.headers.get("x-hive-worker")).toBe("w2");
    }
    await allGivenBack();
    expect((await queen.client.stats()).workers.set_aside).toBe(2);
  });

  test("passes on what the queen refuses, and what a worker refuses", async () => {
    const worker = await aWorker(({ response }) => {
      response.writeHead(400, { "content-type": "application/json" });
      response.end('{"error":{"message":"too long"}}');
    });
    const { chat, allGivenBack } = await aHouse([{ url: worker.url }]);
    const refused = await chat();
    expect([refused.status, await refused.json()]).toEqual([400, { error: { message: "too long" } }]);
    const broken = await chat({}, { body: "{" } as RequestInit);
    expect(broken.status).toBe(400);
    await allGivenBack();
  });

  test("shows the worker no key but its own, and nobody the way inside", async () => {
    const worker = await aWorker(sayWho("worker"));
    const { chat, url, headers } = await aHouse(
      [{ url: worker.url, engine: "llama-cpp" }, { url: worker.url }],
      "s3cret",
    );
    const keys = new Set<unknown>();
    for (let request = 0; request < 4; request++) {
      const reply = await chat({}, { headers: { ...headers, cookie: "a=b", "x-api-key": "s3cret" } });
      expect(reply.status).toBe(200);
      expect(JSON.stringify([...reply.headers])).not.toContain("s3cret");
      const seen = (worker.asked.at(-1) as AskedOf).request.headers;
      expect([seen["x-api-key"], seen.cookie]).toEqual([undefined, undefined]);
      keys.add(`${reply.headers.get("x-hive-worker")}: ${seen.authorization}`);
    }
    for (const key of keys) expect(["w0: Bearer s3cret", "w1: undefined"]).toContain(key);
    expect((await fetch(`${url}/_hive_worker/http/127.0.0.1:80/`, { headers })).status).toBe(404);
    expect((await fetch(`${url}/v1/models`)).status).toBe(401);
  });

  test("is a plain proxy for everything else, WebSockets and streams of events among it", async () => {
    const { url } = await aHouse([{ url: "http://127.0.0.1:9" }]);
    expect(((await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] }).data[0]?.id).toBe("m");
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const watching = new AbortController();
    const watch = await fetch(`${url}/api/v1/watch`, { signal: watching.signal });
    const { value } = await (watch.body as ReadableStream<Uint8Array>).getReader().read();
    expect(new TextDecoder().decode(value)).toContain("event: snapshot");
    watching.abort();
  });
});
