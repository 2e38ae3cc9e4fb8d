// An emulated inference server that listens on an address of choice: ENGINE MODEL HOST PORT [KEY].
import { startEmulator } from "../../packages/simulation/dist/servers/emulator.js";

const [kind, model, host, port, key] = process.argv.slice(2);
const server = await startEmulator(kind, { models: [model], host, port: Number(port), ...(key && { key }) });
process.stdout.write(`listening on ${server.url}\n`);
