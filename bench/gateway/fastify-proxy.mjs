// A gateway for Node from npm, as its README sets it up.

import { createRequire } from "node:module";
import httpProxy from "@fastify/http-proxy";

// As the queen has it.
const fastify = createRequire(new URL("../../packages/queen/package.json", import.meta.url))("fastify");
const server = fastify();
await server.register(httpProxy, { upstream: process.argv[2] });
await server.listen({ port: 0, host: "127.0.0.1" });
process.stdout.write(`listening on http://127.0.0.1:${server.server.address().port}\n`);
process.on("SIGTERM", () => process.exit(0));
