// nginx and HAProxy as plain proxies, one process and one thread each, with connections that are kept on both sides.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const READY_WITHIN_MS = 10_000;
const programAt = (...places) => places.find(existsSync) ?? places[0];

/** @param {number} workerPort */
export function startNginx(workerPort) {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return startDaemon(programAt("/usr/sbin/nginx", "/usr/bin/nginx"), (port, folder) => ({
    args: ["-e", "stderr", "-p", folder, "-c", join(folder, "config")],
    config: `daemon off; master_process off; pid ${folder}/pid; error_log stderr error;
      events { worker_connections 4096; }
      http {
        access_log off;
        keepalive_requests 1000000000;
        ${temporary.map((one) => `${one}_temp_path ${folder}/${one};`).join(" ")}
        upstream worker { server 127.0.0.1:${workerPort}; keepalive 512; keepalive_requests 1000000000; }
        server {
          listen 127.0.0.1:${port};
          location / {
            proxy_pass http://worker; proxy_http_version 1.1; proxy_set_header connection ""; proxy_buffering off;
          }
        }
      }`,
  }));
}

/** @param {number} workerPort */
export function startHaproxy(workerPort) {
  return startDaemon(programAt("/usr/sbin/haproxy", "/usr/bin/haproxy"), (port, folder) => ({
    args: ["-db", "-f", join(folder, "config")],
    config: `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option http-keep-alive
  option http-no-delay
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  http-reuse always
listen proxy
  bind 127.0.0.1:${port}
  server worker 127.0.0.1:${workerPort}
`,
  }));
}

async function startDaemon(program, setUp) {
  const folder = mkdtempSync(join(tmpdir(), "hive-bench-"));
  const port = await aFreePort();
  const { args, config } = setUp(port, folder);
  writeFileSync(join(folder, "config"), config);
  const daemon = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  const closed = once(daemon, "close");
  const stop = async () => {
    daemon.kill("SIGTERM");
    await closed;
    rmSync(folder, { recursive: true });
  };
  for (const endsAt = performance.now() + READY_WITHIN_MS; !(await listens(port)); ) {
    if (daemon.exitCode !== null || performance.now() > endsAt) throw new Error(`${program} does not listen`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { pid: daemon.pid, port, stop };
}

async function aFreePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

const listens = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
