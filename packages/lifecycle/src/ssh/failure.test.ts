import { once } from "node:events";
import { chmodSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { SshHost } from "../remote/machine.ts";
import { machines } from "../testing/machines.ts";
import { sshConnection } from "./connection.ts";
import { LAST_WORDS_MAX, sshFailure } from "./failure.ts";
import { parseResolved, resolveHost } from "./resolve.ts";

const { aMachine, afterwards } = machines();

async function faultOf(ssh: SshHost, command?: string): Promise<unknown> {
  const deps = { env: process.env, ...(command === undefined ? {} : { command }) };
  const connection = sshConnection(deps, ssh);
  afterwards(() => connection.close());
  return connection.connect().then(
    () => "it connected",
    (error: unknown) => error,
  );
}

test("a name that nobody knows is told with what to do", async () => {
  const { config_file } = await aMachine();
  expect(await faultOf({ host: "gaming-pc.invalid", config_file })).toMatchObject({
    code: "HOST_UNKNOWN",
    message: "No machine is called gaming-pc.invalid. See that it is spelled as in ~/.ssh/config, or use its address",
    details: { output_tail: expect.stringContaining("Could not resolve hostname gaming-pc.invalid") },
  });
});

test("a machine that takes no connections is told, behind a jump host too", async () => {
  const sshd = await aMachine();
  const refused = {
    code: "SSH_REFUSED",
    message: expect.stringContaining("takes no SSH connections at that port: nothing listens there"),
  };
  await sshd.stopListening();
  expect(await faultOf(sshd.ssh)).toMatchObject(refused);
  expect(await faultOf({ ...sshd.ssh, host: "behind", proxy_jump: sshd.alias })).toMatchObject(refused);
});

test("what is no SSH server is told from a machine that is off", async () => {
  const sshd = await aMachine();
  const web = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n".repeat(100)));
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  afterwards(() => web.close());
  const address = web.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  expect(await faultOf({ ...sshd.ssh, port })).toMatchObject({
    code: "SSH_REFUSED",
    message: expect.stringMatching(/no SSH server|closed the connection before it began/),
  });
});

test("a machine that takes none of the keys says how to bring one there", async () => {
  const sshd = await aMachine();
  expect(await faultOf({ ...sshd.ssh, identity_file: join(sshd.home, "nowhere") })).toBe("it connected");
  sshd.refuseKeys();
  expect(await faultOf(sshd.ssh)).toMatchObject({
    code: "SSH_KEY_REFUSED",
    message: expect.stringContaining("ssh-copy-id"),
    details: { output_tail: expect.stringContaining("Permission denied") },
  });
  expect(await faultOf({ ...sshd.ssh, identity_file: join(sshd.home, "nowhere") })).toMatchObject({
    code: "SSH_KEY_REFUSED",
    message: expect.stringContaining(`The key ${join(sshd.home, "nowhere")} does not exist on the queen's machine`),
  });
  const open = await aMachine();
  chmodSync(open.identity_file, 0o644);
  expect(await faultOf(open.ssh)).toMatchObject({
    code: "SSH_KEY_REFUSED",
    message: expect.stringContaining("chmod 600"),
  });
});

test("a host key that was never seen is taken only when that was asked for, one that changed never", async () => {
  const sshd = await aMachine({ known: false });
  expect(await faultOf(sshd.ssh)).toMatchObject({
    code: "HOST_KEY_UNKNOWN",
    message: expect.stringContaining("--accept-new-host-key"),
  });
  const accepting = { ...sshd.ssh, accept_new_host_key: true };
  expect(await faultOf(accepting)).toBe("it connected");
  expect(await faultOf(sshd.ssh)).toBe("it connected");

  await sshd.changeHostKey();
  for (const ssh of [sshd.ssh, accepting]) {
    expect(await faultOf(ssh)).toMatchObject({
      code: "HOST_KEY_CHANGED",
      message: expect.stringMatching(/ssh-keygen -R .\[127\.0\.0\.1\]:\d+./),
    });
  }
});

test("a missing ssh, and a configuration that it does not take, are told as such", async () => {
  expect(await faultOf({ host: "desk" }, "no-such-ssh")).toMatchObject({
    code: "SSH_MISSING",
    message: "The program ssh is not installed beside the queen: install OpenSSH's client",
  });
  const nowhere = { host: "desk", config_file: "/nowhere/config" };
  expect(await faultOf(nowhere)).toMatchObject({
    code: "SSH_FAILED",
    message: expect.stringContaining("Can't open user config file /nowhere/config"),
  });
  await expect(resolveHost({ env: process.env }, nowhere)).rejects.toMatchObject({
    code: "SSH_FAILED",
    message: expect.stringContaining("ssh does not understand its configuration"),
  });
});

test("the words of ssh that cannot be provoked everywhere are understood too, and the end of long ones is kept", () => {
  const codes = [
    "ssh: connect to host 10.1.2.3 port 22: No route to host",
    "ssh: connect to host desk port 22: Connection timed out",
    "Connection timed out during banner exchange",
    "kex_exchange_identification: read: Connection reset by peer",
    "Received disconnect from 10.1.2.3 port 22:2: Too many authentication failures",
    "@    WARNING: REVOKED HOST KEY DETECTED!               @",
    "something new",
    "",
  ].map((words) => sshFailure("desk", words).code);
  expect(codes).toEqual([
    ...["SSH_REFUSED", "SSH_REFUSED", "SSH_REFUSED", "SSH_REFUSED"],
    ...["SSH_KEY_REFUSED", "HOST_KEY_CHANGED", "SSH_FAILED", "SSH_FAILED"],
  ]);
  const { details } = sshFailure("desk", "a line of debugging\n".repeat(1_000));
  const { output_tail } = details as { readonly output_tail: string };
  expect(output_tail.length).toBeLessThanOrEqual(LAST_WORDS_MAX);
  expect(output_tail.startsWith("a line")).toBe(true);
});

test("what ssh makes of a name is read from the first line of each keyword", () => {
  expect(parseResolved("host desk\nuser ada\nhostname 10.0.0.5\nport 2222\nport 22\n")).toEqual({
    ...{ hostname: "10.0.0.5", port: 2_222, user: "ada" },
  });
  expect(parseResolved("user ada\nhostname x\n")).toBeUndefined();
});
