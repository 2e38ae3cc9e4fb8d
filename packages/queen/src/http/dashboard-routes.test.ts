import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { aQueen } from "../testing/a-queen.ts";
import { aRawConnection } from "../testing/raw-http.ts";
import { dashboardBeside } from "./dashboard-routes.ts";

/** A built page, and beside it a file that nobody may have. */
function aPage(): { readonly home: string; readonly folder: string } {
  const home = mkdtempSync(join(tmpdir(), "hive-page-"));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const folder = join(home, "dashboard");
  mkdirSync(join(folder, "assets", "deep"), { recursive: true });
  writeFileSync(join(home, "secret.txt"), "secret");
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>hive</title>");
  writeFileSync(join(folder, "assets", "index-abc.js"), "export {};");
  writeFileSync(join(folder, "assets", "index-abc.js.gz"), "gzipped");
  writeFileSync(join(folder, "assets", ".hidden"), "hidden");
  return { home, folder };
}

const get = async (queen: Awaited<ReturnType<typeof aQueen>>, url: string, headers: Record<string, string> = {}) =>
  queen.app.inject({ method: "GET", url, headers: { host: "localhost", ...headers } });

describe("the page at /", () => {
  test("comes with rules that let it talk to its own queen alone, and is asked for anew each time", async () => {
    const queen = await aQueen({ dashboard: aPage().folder });
    const page = await get(queen, "/?from=a-link");
    expect(page.statusCode).toBe(200);
    expect(page.payload).toContain("<title>hive</title>");
    expect(page.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
    const policy = String(page.headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    const again = await get(queen, "/", { "if-none-match": String(page.headers.etag) });
    expect([again.statusCode, again.payload]).toEqual([304, ""]);
  });

  test("has files that are kept for ever, for their names change with what is in them", async () => {
    const queen = await aQueen({ dashboard: aPage().folder });
    const script = await get(queen, "/assets/index-abc.js");
    expect([script.statusCode, script.payload]).toEqual([200, "export {};"]);
    expect(script.headers).toMatchObject({
      "content-type": "application/javascript; charset=utf-8",
      "cache-control": "public, max-age=31536000, immutable",
      "x-content-type-options": "nosniff",
    });
    const zipped = await get(queen, "/assets/index-abc.js", { "accept-encoding": "gzip" });
    expect([zipped.headers["content-encoding"], zipped.payload]).toEqual(["gzip", "gzipped"]);
    expect(zipped.headers).toMatchObject({
      vary: "accept-encoding",
      "content-type": "application/javascript; charset=utf-8",
    });
  });

  test("is there for everybody, and what it asks for is not", async () => {
    const queen = await aQueen({ dashboard: aPage().folder, token: "a-token-that-is-long-enough" });
    const statusOf = async (url: string) => (await get(queen, url)).statusCode;
    expect(await Promise.all(["/", "/assets/index-abc.js", "/assets/none.js"].map(statusOf))).toEqual([200, 200, 404]);
    const closed = [
      "/api/v1/stats",
      "/api/v1/watch",
      "/docs",
      "/openapi.json",
      "/metrics",
      "/assets",
      "//",
      "/index.html",
    ];
    expect(await Promise.all(closed.map(statusOf))).toEqual(closed.map(() => 401));
  });

  test("is not shown under a stranger's name where no token is asked for", async () => {
    const queen = await aQueen({ dashboard: aPage().folder });
    for (const url of ["/", "/assets/index-abc.js"]) {
      expect((await get(queen, url, { host: "rebound.example" })).statusCode).toBe(403);
      expect((await get(queen, url, { origin: "https://elsewhere.example" })).statusCode).toBe(403);
    }
  });

  test("answers HEAD without a body, and other methods by naming those that it takes", async () => {
    const queen = await aQueen({ dashboard: aPage().folder });
    for (const url of ["/", "/assets/index-abc.js"]) {
      const headers = { host: "localhost" };
      const head = await queen.app.inject({ method: "HEAD", url, headers });
      expect([url, head.statusCode, head.payload]).toEqual([url, 200, ""]);
      const post = await queen.app.inject({ method: "POST", url, headers });
      expect([url, post.statusCode, post.headers.allow]).toEqual([url, 405, "GET"]);
    }
    const missing = await queen.app.inject({ method: "HEAD", url: "/assets/none.js", headers: { host: "localhost" } });
    expect(missing.statusCode).toBe(404);
  });

  test("hands out nothing from outside its folder, however it is asked", async () => {
    const queen = await aQueen({ dashboard: aPage().folder, token: "a-token-that-is-long-enough" });
    await queen.app.listen({ port: 0, host: "127.0.0.1" });
    const { port } = queen.app.server.address() as AddressInfo;
    for (const path of [
      ...["../../secret.txt", "..%2f..%2fsecret.txt", "%2e%2e/%2e%2e/secret.txt", "..%5c..%5csecret.txt"],
      ...[
        "deep/../../../secret.txt",
        "%252e%252e/secret.txt",
        "../index.html",
        "../../api/v1/stats",
        "..%00/secret.txt",
      ],
      ...[".hidden", "deep", "deep/", "", "/index-abc.js", "//etc/passwd", "%2fetc%2fpasswd", "%zz"],
    ]) {
      const connection = await aRawConnection(`http://127.0.0.1:${port}`);
      connection.write(`GET /assets/${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
      const { status, body } = await connection.answer();
      expect([path, status >= 400 && status < 500], JSON.stringify(body)).toEqual([path, true]);
      expect(JSON.stringify(body)).toMatch(/"code":"(?:ROUTE_NOT_FOUND|INVALID_REQUEST)"/);
      expect(JSON.stringify(body)).not.toMatch(/secret|root:|tmp/);
    }
  });

  test("gives way to the documentation where it was not built", async () => {
    const queen = await aQueen();
    const reply = await get(queen, "/");
    expect([reply.statusCode, reply.headers.location]).toEqual([302, "/docs"]);
    expect((await get(queen, "/assets/index-abc.js")).statusCode).toBe(404);
  });

  test("is found beside the compiled program, and in dist from its sources", () => {
    const { home, folder } = aPage();
    const program = (...path: string[]) => pathToFileURL(join(home, ...path)).href;
    expect(dashboardBeside(program("serve.js"))).toBe(join(folder, "/"));
    expect(dashboardBeside(program("elsewhere", "serve.js"))).toBeUndefined();
    mkdirSync(join(home, "dist", "dashboard"), { recursive: true });
    writeFileSync(join(home, "dist", "dashboard", "index.html"), "");
    expect(dashboardBeside(program("src", "serve.ts"))).toBe(join(home, "dist", "dashboard", "/"));
  });
});
