import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { HiveClient } from "@hive-registry/client";
import { expect, test } from "vitest";
import { aWorkplace, ROOT } from "./support/workplace.ts";

test("in one file each, the programs do what they do beside their parts", { timeout: 180_000 }, async () => {
  const { bundle } = (await import(pathToFileURL(join(ROOT, "scripts/bundle.mjs")).href)) as {
    readonly bundle: (root: string) => Promise<void>;
  };
  await bundle(ROOT);

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
