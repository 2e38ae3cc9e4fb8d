// Starts what its first argument says, in JSON, once a line arrives on stdin; prints the answer and ends.
// {"daemon": DaemonSpec} or {"hive": StartLocalHive}
import { once } from "node:events";
import { startDaemon, startLocalHive } from "../../dist/index.js";

const { daemon, hive } = JSON.parse(process.argv[2]);
const deps = { nowMs: Date.now, env: process.env };
console.log("waiting");
await once(process.stdin, "data");
try {
  console.log(JSON.stringify(await (daemon ? startDaemon(deps, daemon) : startLocalHive(deps, hive))));
} catch (error) {
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
process.stdin.destroy();
