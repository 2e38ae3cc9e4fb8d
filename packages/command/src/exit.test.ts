import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { cannotListen } from "./exit.ts";

async function listen(port: number, host: string): Promise<number> {
  const server = createServer();
  onTestFinished(() => void server.close());
  server.listen(port, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** What it is told when it cannot listen there. */
async function refusal(port: number, host: string): Promise<string | undefined> {
  const error = await listen(port, host).catch((thrown: unknown) => thrown);
  return cannotListen(error, { listen: host, port });
}

describe("a server that cannot listen", () => {
  test("because another has the port names the port and its flag", async () => {
    const port = await listen(0, "127.0.0.1");
    expect(await refusal(port, "127.0.0.1")).toBe(`port ${port} is taken: choose another with --port`);
  });

  test("because the address is not this machine's names the address and both flags", async () => {
    expect(await refusal(0, "192.0.2.1")).toBe(
      "cannot listen on 192.0.2.1, port 0 (EADDRNOTAVAIL): choose others with --listen and --port",
    );
  });

  test("because there is no such name says so too", async () => {
    expect(await refusal(0, "no.such.name.invalid")).toMatch(/^cannot listen on no\.such\.name\.invalid, port 0 \(E/);
  });
});

test("a folder that is refused is no matter of listening", () => {
  const at = { listen: "127.0.0.1", port: 1 };
  const denied = Object.assign(new Error("EACCES: permission denied, mkdir '/x'"), {
    code: "EACCES",
    syscall: "mkdir",
  });
  expect(cannotListen(denied, at)).toBeUndefined();
  for (const other of [undefined, null, "text", new Error("text")]) expect(cannotListen(other, at)).toBeUndefined();
});
