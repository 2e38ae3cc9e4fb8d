/**
 * Plays the bundled worker: same command line, same lines, no engine. What it does stands in its "model" behind the magic, as JSON:
 * { "load_ms": n, "fatal": "CODE: text", "exit": code, "crash_after_ms": n, "ignore_sigterm": true, "ignore_parent": true,
 *   "child": true, "print": bytes, "never_ready": true, "busy_port": port, "beat": {…}, "unhealthy": true }
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const args = process.argv.slice(2);
const flag = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
const text = readFileSync(flag("--model"), "utf8").slice("GGUF".length);
const play = text.startsWith("{") ? JSON.parse(text) : {};

if (play.ignore_sigterm) process.on("SIGTERM", () => process.stderr.write("ignoring SIGTERM\n"));
if (!play.ignore_parent) process.stdin.on("end", () => process.exit(0)).resume();
if (play.child) {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  process.stdout.write(`child ${child.pid}\n`);
}
if (play.print) {
  const line = `${"x".repeat(99)}\n`;
  for (let printed = 0; printed < play.print; printed += line.length) process.stdout.write(line);
}

const fail = (line, code) => {
  process.stderr.write(`some other words\n${line}\n`);
  process.exit(code);
};
const tell = (beat) =>
  fetch(new URL("/v1/heartbeat", flag("--hive-url")), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(process.env.HIVE_TOKEN && { authorization: `Bearer ${process.env.HIVE_TOKEN}` }),
    },
    body: JSON.stringify({
      worker_id: flag("--worker-id"),
      timestamp: new Date().toISOString(),
      health_status: "healthy",
      ...beat,
    }),
  }).then((response) => response.text());

function start() {
  if (play.fatal) return fail(`fatal: ${play.fatal}`, play.exit ?? 78);
  if (play.exit !== undefined) return fail("it broke", play.exit);
  if (play.never_ready) return setInterval(() => {}, 1_000);
  const port = Number(flag("--port"));
  if (port !== 0 && port === play.busy_port) return fail(`fatal: PORT_IN_USE: port ${port} is taken`, 1);
  const server = createServer((request, response) => {
    if (request.url === "/health") response.writeHead(play.unhealthy ? 503 : 200);
    else if (request.url === "/args") response.end(JSON.stringify({ args, env: process.env }));
    else if (request.url === "/crash") process.exit(3);
    else if (request.url?.startsWith("/tell?")) {
      void tell(JSON.parse(decodeURIComponent(request.url.slice("/tell?".length)))).then((reply) =>
        response.end(reply),
      );
      return;
    }
    response.end();
  });
  server.on("error", () => fail(`fatal: PORT_IN_USE: port ${port} is taken`, 1));
  server.listen(port, flag("--listen"), () => {
    process.stdout.write(`listening on http://${flag("--listen")}:${server.address().port}\n`);
    if (play.beat) void tell(play.beat).catch(() => {});
    if (play.crash_after_ms !== undefined) setTimeout(() => process.exit(3), play.crash_after_ms);
  });
}
setTimeout(start, play.load_ms ?? 0);
