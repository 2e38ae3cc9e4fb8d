import { expect, test } from "vitest";
import { aQueen } from "../testing/a-queen.ts";

const PAGE = "http://localhost:3000";
const STRANGER = "https://elsewhere.example";
const TOKEN = "secret-of-the-fleet";

/** A queen on a real port, asked as a browser asks. */
async function aListeningQueen(options: { readonly token?: string } = {}) {
  const { app } = await aQueen(options);
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}${path}`, { method, headers });
    await response.text();
    return {
      status: response.status,
      allowed: response.headers.get("access-control-allow-origin"),
      headers: response.headers,
    };
  };
  return { ask };
}

const preflight = (origin: string) => ({
  origin,
  "access-control-request-method": "DELETE",
  "access-control-request-headers": "authorization,last-event-id",
});

test("a page of this machine may read what a queen without a token answers, and a page of another site may not even ask", async () => {
  const { ask } = await aListeningQueen();
  const { status, allowed, headers } = await ask("GET", "/api/v1/models", { origin: PAGE });
  expect([status, allowed, headers.get("vary")]).toEqual([200, PAGE, "origin"]);
  expect(headers.get("access-control-expose-headers")).toContain("retry-after");

  const asked = await ask("OPTIONS", "/api/v1/reservations/1", preflight(PAGE));
  expect([asked.status, asked.headers.get("access-control-allow-headers")]).toEqual([
    204,
    "authorization,last-event-id",
  ]);
  expect(asked.headers.get("access-control-allow-methods")).toContain("DELETE");

  for (const origin of [STRANGER, "null", "http://localhost.elsewhere.example"]) {
    expect(await ask("GET", "/api/v1/models", { origin })).toMatchObject({ status: 403, allowed: null });
    expect(await ask("OPTIONS", "/api/v1/models", preflight(origin))).toMatchObject({ status: 403, allowed: null });
  }
});

test("with a token every page may ask that has it, and can read why it is refused when it has not", async () => {
  const { ask } = await aListeningQueen({ token: TOKEN });
  expect(await ask("OPTIONS", "/api/v1/watch", preflight(STRANGER))).toMatchObject({ status: 204, allowed: STRANGER });
  expect(await ask("GET", "/api/v1/models", { origin: STRANGER })).toMatchObject({ status: 401, allowed: STRANGER });
  const headers = { origin: STRANGER, authorization: `Bearer ${TOKEN}` };
  expect(await ask("GET", "/api/v1/models", headers)).toMatchObject({ status: 200, allowed: STRANGER });
});

test("who is no page sees nothing of it", async () => {
  const { ask } = await aListeningQueen();
  const { headers } = await ask("GET", "/api/v1/models");
  expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
});
