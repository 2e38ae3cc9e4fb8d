// Stands for a queen or a hive: `fake-server.mjs NAME [TRAIT …] -- the flags it was given`.
// Traits: mute (never ready), dies (says why and ends), deaf (SIGTERM does not end it). Writes what happens to it to $FAKE_TRACE.
import { appendFileSync } from "node:fs";

const [name, ...rest] = process.argv.slice(2);
const traits = new Set(rest.slice(0, rest.indexOf("--")));
const trace = (what) => appendFileSync(process.env.FAKE_TRACE, `${name} ${what}\n`);

trace(`began ${rest.slice(rest.indexOf("--") + 1).join(" ")}`);
process.on("SIGTERM", () => {
  if (traits.has("deaf")) return trace("hears nothing");
  trace("ended");
  process.exit(0);
});
if (traits.has("dies")) {
  process.stderr.write(`${JSON.stringify({ level: 60, msg: "cannot go on", err: { message: "no memory" } })}\n`);
  process.stderr.write("port 7835 is taken: choose another with --port\n");
  process.exit(3);
}
if (!traits.has("mute"))
  process.stdout.write(`something else\nlistening on http://0.0.0.0:${name === "queen" ? 7833 : 7835}\n`);
process.stderr.write("hello from the log\n");
setInterval(() => undefined, 1_000_000);
