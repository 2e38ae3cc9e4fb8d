import { once } from "node:events";
import { createServer } from "node:http";

/** A server on loopback that answers at `/healthz` alone: a queen, or whoever has a port. Answers with the port. */
export async function aServer(afterwards: (end: () => unknown) => void): Promise<number> {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/healthz" ? 200 : 404;
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterwards(() => server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
