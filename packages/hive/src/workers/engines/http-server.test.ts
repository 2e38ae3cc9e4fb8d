import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createSocketServer, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { BODY_BYTES_MAX, type HttpServer, httpServer } from "./http-server.ts";
import type { Server } from "./server-engine.ts";
import { recognise } from "./server-engines.ts";
import { aServer } from "./testing/a-server.ts";

/** Listens with `answer` on a free port, for whoever knows its path; ended with the test. */
async function aListener(answer: RequestListener): Promise<HttpServer> {
  const http = createServer((request, response) => {
    // Hives of other tests look at every port of the machine.
    if (request.url?.startsWith("/for-this-test/") === true) answer(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const server = httpServer(`http://127.0.0.1:${(http.address() as AddressInfo).port}/for-this-test`);
  onTestFinished(async () => {
    server.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  return server;
}

/** Something that listens and does not speak HTTP. */
async function aStranger(greet: (socket: Socket) => void): Promise<HttpServer> {
  const sockets: Socket[] = [];
  const listener = createSocketServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    greet(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const server = httpServer(`http://127.0.0.1:${(listener.address() as AddressInfo).port}`);
  onTestFinished(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => listener.close(resolve));
  });
  return server;
}

/** The same server, with what it is asked. */
function watched(server: Server, options: { readonly timeoutMs?: number } = {}): { server: Server; asked: string[] } {
  const asked: string[] = [];
  const get = (path: string) => {
    asked.push(path);
    return server.get(path, options);
  };
  return { server: { url: server.url, get }, asked };
}

test("an answer has its status, its headers in any case, its text and what that is as JSON", async () => {
  const body = { a: ["ü"] };
  const { server } = await aServer({ otherwise: { status: 503, headers: { "X-Some": "thing" }, body } });
  const answer = await server.get("/any");
  expect(answer?.status).toBe(503);
  expect(answer?.header("x-SOME")).toBe("thing");
  expect(answer?.header("x-other")).toBeUndefined();
  expect(answer?.text).toBe('{"a":["ü"]}');
  expect(answer?.json()).toEqual(body);
  expect(answer?.json()).toBe(answer?.json());
});

test("many questions one after the other need one connection", async () => {
  const { server, connections, asked } = await aServer({ otherwise: { body: "x".repeat(100_000) } });
  for (let question = 0; question < 20; question += 1) await server.get(`/${question}`);
  expect(asked).toHaveLength(20);
  expect(connections()).toBe(1);
});

test("a path is asked below the URL's own, with its query", async () => {
  const { url, asked } = await aServer({ otherwise: { body: "" } });
  const server = httpServer(`${url}/prefix/?a=b#c`);
  onTestFinished(() => server.close());
  expect(server.url).toBe(`${url}/prefix`);
  await server.get("/v1/loads?include=core");
  expect(asked).toEqual(["GET /prefix/v1/loads?include=core"]);
});

test("a body is cut off at its bound, and what is cut off is no JSON", async () => {
  const server = await aListener((_, response) => {
    response.on("error", () => {});
    const endless = (): void => {
      while (!response.destroyed && response.write(`"${"x".repeat(65_536)}",`));
      response.once("drain", endless);
    };
    response.write("[");
    endless();
  });
  const answer = await server.get("/endless", { timeoutMs: 20_000 });
  expect(answer?.text).toHaveLength(BODY_BYTES_MAX);
  expect(answer?.json()).toBeUndefined();
});

test("no answer in time is no answer", async () => {
  const server = await aListener(() => {});
  expect(await server.get("/slow", { timeoutMs: 30 })).toBeUndefined();
  expect(server.failure).toBe("TIMEOUT");
});

test("an answer that does not end in time is none either", async () => {
  const server = await aListener((_, response) => void response.write("the first half"));
  expect(await server.get("/half", { timeoutMs: 30 })).toBeUndefined();
  expect(server.failure).toBe("TIMEOUT");
});

test("an answer whose connection breaks is none", async () => {
  const server = await aListener((_, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("half", () => response.destroy());
  });
  expect(await server.get("/cut")).toBeUndefined();
  expect(server.failure).toBe("ECONNRESET");
});

test("an answer without a length ends with its connection, as those of old servers do", async () => {
  const body = "x".repeat(500_000);
  const server = await aStranger((socket) => {
    socket.once("data", () => socket.end(`HTTP/1.0 200 OK\r\nServer: BaseHTTP/0.6 Python/3.12.4\r\n\r\n${body}`));
  });
  for (let question = 0; question < 5; question += 1) expect((await server.get("/"))?.text).toBe(body);
});

test("where nobody listens it says so, and forgets it with the next answer", async () => {
  const { server, stop } = await aServer({ otherwise: { body: "" } });
  await server.get("/");
  expect(server.failure).toBeUndefined();
  await stop();
  expect(await server.get("/")).toBeUndefined();
  expect(server.failure).toBe("ECONNREFUSED");
});

test("a server that closes its idle connection in the moment of a question is asked again", async () => {
  let questions = 0;
  const server = await aListener((request, response) => {
    questions += 1;
    if (questions === 2) request.socket.resetAndDestroy();
    else response.end(`answer ${questions}`);
  });
  expect((await server.get("/"))?.text).toBe("answer 1");
  expect((await server.get("/"))?.text).toBe("answer 3");
});

test("a server that closes every connection is asked twice, not for ever", async () => {
  let questions = 0;
  const server = await aListener((request, response) => {
    questions += 1;
    if (questions > 1) request.socket.resetAndDestroy();
    else response.end("only once");
  });
  await server.get("/");
  expect(await server.get("/")).toBeUndefined();
  expect(questions).toBe(3);
});

test("a redirect is an answer: where it leads is not asked, and never gets the key", async () => {
  const other = await aServer({ otherwise: { body: "" } });
  const { server, keys } = await aServer(
    { otherwise: { status: 307, headers: { location: `${other.url}/` }, body: "" } },
    { key: "secret" },
  );
  expect((await server.get("/"))?.status).toBe(307);
  expect(keys).toEqual(["Bearer secret"]);
  expect(other.asked).toEqual([]);
});

describe("a stranger", () => {
  test.each<[string, (socket: Socket) => void]>([
    ["who greets first", (socket) => void socket.write("SSH-2.0-OpenSSH_9.2p1\r\n")],
    ["who hangs up", (socket) => void socket.end()],
    [
      "who answers in another language",
      (socket) => void socket.on("data", () => socket.end("-ERR unknown command\r\n")),
    ],
    [
      "who wants another protocol",
      (socket) =>
        void socket.on("data", () => socket.end("HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")),
    ],
  ])("%s is no server, and is left alone after two questions", async (_, greet) => {
    const server = await aStranger(greet);
    const { asked, ...watching } = watched(server);
    expect(await recognise(watching.server)).toBeUndefined();
    expect(asked).toHaveLength(2);
    expect(server.failure).toMatch(/^[A-Z_0-9]+$/);
  });

  test("who says nothing at all is left alone after two questions", async () => {
    const { server, asked } = watched(await aStranger(() => {}), { timeoutMs: 30 });
    expect(await recognise(server)).toBeUndefined();
    expect(asked).toHaveLength(2);
  });

  test("without TLS is no server at an https URL", async () => {
    const { url } = await aServer({ otherwise: { body: "" } });
    const server = httpServer(url.replace("http:", "https:"), { key: "secret" });
    onTestFinished(() => server.close());
    expect(await server.get("/")).toBeUndefined();
    expect(server.failure).toMatch(/^[A-Z_0-9]+$/);
  });
});

describe("refuses at once", () => {
  test.each(["", "localhost:8000", "ftp://127.0.0.1/", "file:///etc/passwd", "http://"])("the URL %j", (url) => {
    expect(() => httpServer(url)).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
  });

  test("a URL with a password, without repeating it", () => {
    expect(() => httpServer("http://me:hunter2@127.0.0.1:8000")).toThrow(/its key is set beside it$/);
  });

  test.each(["", "two words", "line\r\nx-injected: yes", "schlüssel"])("the key %j, without repeating it", (key) => {
    const refused = (() => {
      try {
        return httpServer("http://127.0.0.1:1", { key });
      } catch (error) {
        return error as Error;
      }
    })();
    expect(refused).toMatchObject({ code: "INVALID_REQUEST" });
    if (key !== "") expect(JSON.stringify([refused, (refused as Error).message])).not.toContain(key);
  });
});
