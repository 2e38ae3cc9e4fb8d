import { once } from "node:events";
import { createServer } from "node:net";
import { HiveError } from "@hive-registry/contract/errors";

/**
 * The port itself, or a free one for 0. It is free at this moment: another program may still be faster than the one it is for.
 *
 * @throws {HiveError} `PORT_IN_USE` when another program has it, `INVALID_REQUEST` when it cannot be had at all.
 */
export async function freePort(port: number, host: string): Promise<number> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, "listening");
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "EADDRINUSE") {
      throw new HiveError("PORT_IN_USE", `Port ${port} is taken by another program: choose another with --port`, {
        details: { port },
        cause,
      });
    }
    throw new HiveError("INVALID_REQUEST", `Cannot listen on ${host} port ${port}: ${code ?? cause}`, { cause });
  } finally {
    server.close();
  }
}
