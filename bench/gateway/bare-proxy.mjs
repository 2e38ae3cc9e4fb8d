// The least that a proxy in Node can do: node:http in, undici's dispatch out. It chooses nothing, checks nothing, counts nothing.
import { createServer } from "node:http";
import { createRequire } from "node:module";

// As the queen has it.
const { Agent } = createRequire(new URL("../../packages/queen/package.json", import.meta.url))("undici");
const origin = process.argv[2];
const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const { host, connection, "content-length": length, ...headers } = request.headers;
    const body = Buffer.concat(chunks);
    let call;
    response.on("close", () => call?.abort());
    response.on("drain", () => call?.resume());
    const handler = {
      onRequestStart: (controller) => {
        call = controller;
      },
      onResponseStart: (_, status, { connection, "keep-alive": keepAlive, "transfer-encoding": coding, ...rest }) => {
        response.writeHead(status, rest);
      },
      onResponseData: (controller, chunk) => {
        if (!response.write(chunk)) controller.pause();
      },
      onResponseEnd: () => response.end(),
      onResponseError: () => response.destroy(),
    };
    agent.dispatch({ origin, path: request.url, method: request.method, headers, body }, handler);
  });
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`);
});
process.on("SIGTERM", () => process.exit(0));
