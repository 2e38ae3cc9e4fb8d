// Other processes: started for a measurement, ended with it.
import { spawn } from "node:child_process";
import { once } from "node:events";

/** Enough for a million workers and the scan beside them, MB. */
const HEAP_MB = 6_144;

/**
 * Runs a program that prints one line of JSON, to its end.
 *
 * @param {string} file beside which `import.meta.url` lies
 * @param {readonly (string | number)[]} args
 */
export async function resultOf(file, args) {
  const program = spawn(
    process.execPath,
    ["--expose-gc", `--max-old-space-size=${HEAP_MB}`, file, ...args.map(String)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let text = "";
  program.stdout.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
  });
  const [code] = await once(program, "close");
  if (code !== 0) throw new Error(`${file} ended with ${code}`);
  return JSON.parse(text);
}
