import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { HiveClient } from "@hive-registry/client";
import { expect, onTestFinished, test } from "vitest";
import { aWorkplace, ROOT } from "./support/workplace.ts";

async function bundled(): Promise<void> {
  const { bundle } = (await import(pathToFileURL(join(ROOT, "scripts/bundle.mjs")).href)) as {
    readonly bundle: (root: string) => Promise<void>;
  };
  await bundle(ROOT);
}

test("in one file each, the programs do what they do beside their parts", { timeout: 180_000 }, async () => {
  await bundled();

  const workplace = aWorkplace();
  const hive = join(ROOT, "packages/cli/dist/bundle.js");
  const up = workplace.start(hive, ["up", "--port", "0", "--hive-port", "0", "--id", "desk"]);
  await up.says(/Ctrl-C stops it all\./);
  expect(up.stderr()).toBe("");
  const programs = workplace.running().map((command) => /packages\/(\w+)\/dist\/\S+/.exec(command)?.[0]);
  expect(programs.toSorted()).toEqual(
    ["cli", "hive", "queen", "worker"].map((name) => `packages/${name}/dist/bundle.js`),
  );

  const queenUrl = /queen listens on (http:\S+)/.exec(up.stdout())?.[1] ?? "";
  const client = new HiveClient({ baseUrl: queenUrl });
  // What lies outside of the bundle: the database, files of the documents.
  expect(await client.putCatalogHive("desk", { host: "desk.lan" })).toMatchObject({ id: "desk" });
  for (const path of ["/docs/", "/docs/static/index.css", "/openapi.json"]) {
    expect([path, (await fetch(queenUrl + path)).status]).toEqual([path, 200]);
  }
  const { worker } = await client.route("hive-demo");
  const said = await fetch(`${worker.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "hive-demo", messages: [{ role: "user", content: "Who are you?" }] }),
  });
  expect(await said.json()).toMatchObject({ choices: [{ message: { content: expect.stringMatching(/\w+ \w+/) } }] });

  const asked = await workplace.run(hive, ["ls", "--json"]);
  expect(JSON.parse(asked.stdout)).toMatchObject([{ hive_id: "desk", worker_count: 1 }]);
  expect(await up.end("SIGINT")).toEqual({ code: 0, signal: null });
  await workplace.isEmpty();
});

test("what is copied to machines works alone in an empty folder", { timeout: 180_000 }, async () => {
  await bundled();
  const folder = mkdtempSync(join(tmpdir(), "hive-alone-test-"));
  const file = join(folder, "hive.mjs");
  copyFileSync(join(ROOT, "packages/machine/dist/bundle.js"), file);
  const home = join(folder, "home");
  const env = { PATH: process.env.PATH, HOME: home, HIVE_DISCOVER: "false" };
  let agent: ChildProcess | undefined;
  const say = (word: string, input = ""): unknown =>
    JSON.parse(execFileSync(process.execPath, [file, word], { env, input, encoding: "utf8", cwd: folder }));
  onTestFinished(async () => {
    say("stop");
    if (agent?.exitCode === null && agent.kill("SIGKILL")) await once(agent, "exit");
    rmSync(folder, { recursive: true, force: true });
  });

  const imported = readFileSync(file, "utf8").matchAll(/(?:^|[;}])(?:import|export)[^;"']*?from\s*["']([^"']+)["']/g);
  const names = [...imported].map(([, name = ""]) => name);
  expect(names).toContain("node:fs");
  expect(names.filter((name) => !isBuiltin(name))).toEqual([]);

  const flags = ["agent", "--id", "other", "--port", "0", "--no-demo", "--queen", "http://127.0.0.1:7"];
  agent = spawn(process.execPath, [file, ...flags], { env, cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  const [line] = (await once(agent.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  const url = /^listening on (http:\S+)/.exec(line.toString())?.[1] ?? "";
  expect(await (await fetch(`${url}/v1/models`)).json()).toMatchObject({ hive_id: "other" });
  agent.kill("SIGTERM");
  await once(agent, "exit");

  const settings = { hive_id: "desk", queen_id: "q", queen_url: "http://127.0.0.1:7", port: 0, service: false };
  expect(say("configure", JSON.stringify(settings))).toEqual({ configured: true, changed: true });
  expect(say("start")).toMatchObject({ already_running: false });
  expect(say("status")).toMatchObject({ hive_id: "desk", running: true });
  expect(say("stop")).toEqual({ stopped: true });
  expect(readdirSync(folder).toSorted()).toEqual(["hive.mjs", "home"]);
});
