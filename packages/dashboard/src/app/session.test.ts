import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { Session, type Store } from "./session.ts";

class MemoryStore implements Store {
  readonly kept: Map<string, string> = new Map();

  getItem(key: string): string | null {
    return this.kept.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.kept.set(key, value);
  }

  removeItem(key: string): void {
    this.kept.delete(key);
  }
}

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A queen that knows one token. */
async function aQueen(token: string): Promise<string> {
  const server = createServer((request, response) => {
    const isRight = request.headers.authorization === `Bearer ${token}`;
    response.writeHead(isRight ? 200 : 401, { "content-type": "application/json" });
    response.end(isRight ? '{"models":[]}' : '{"error":{"code":"UNAUTHENTICATED","message":"no"}}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a queen that wants a token is noticed, and so is one that refuses the token she got", async () => {
  const session = new Session(await aQueen("right"), { tab: new MemoryStore(), device: new MemoryStore() });
  await expect(session.client.value.models()).rejects.toMatchObject({ status: 401 });
  expect(session.tokenWanted.value).toBe("missing");

  session.giveToken("wrong", { remember: false });
  expect(session.tokenWanted.value).toBeUndefined();
  await expect(session.client.value.models()).rejects.toMatchObject({ status: 401 });
  expect(session.tokenWanted.value).toBe("refused");

  session.giveToken("right", { remember: false });
  expect(await session.client.value.models()).toEqual([]);
  expect(session.tokenWanted.value).toBeUndefined();
});

test("a token lasts as long as the tab, or on this device when it is to be remembered, and never in both", () => {
  const stores = { tab: new MemoryStore(), device: new MemoryStore() };
  const session = new Session("http://127.0.0.1:1", stores);
  session.giveToken("one", { remember: false });
  expect([...stores.tab.kept.values()]).toEqual(["one"]);
  expect(stores.device.kept.size).toBe(0);

  session.giveToken("two", { remember: true });
  expect(stores.tab.kept.size).toBe(0);
  expect([...stores.device.kept.values()]).toEqual(["two"]);
  expect(new Session("http://127.0.0.1:1", stores).token.value).toBe("two");

  session.forgetToken();
  expect(stores.device.kept.size).toBe(0);
});

test("a browser that keeps nothing is no hindrance", () => {
  const refusing: Store = {
    getItem: () => {
      throw new Error("denied");
    },
    setItem: () => {
      throw new Error("denied");
    },
    removeItem: () => {
      throw new Error("denied");
    },
  };
  const session = new Session("http://127.0.0.1:1", { tab: refusing, device: refusing });
  session.giveToken("one", { remember: true });
  expect(session.token.value).toBe("one");
});
