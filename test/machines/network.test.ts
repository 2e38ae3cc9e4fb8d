/** A queen and machines that have addresses of their own, on a wire that can be pulled. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect, HiveAgentClient, type HiveClient } from "@hive-registry/client";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Sshd } from "../../packages/lifecycle/src/testing/sshd.ts";
import { eventually } from "../support/eventually.ts";
import { agentsOn, aMachine, endOf, stepsOf } from "../support/machines.ts";
import { aNetwork, HOW_TO_HAVE_NETWORKS, type Network, type NetworkPlace, networksFault } from "../support/network.ts";
import { type Started, startProgram } from "../support/processes.ts";
import { type AQueen, aWorkplace, type Workplace } from "../support/workplace.ts";

const TOKEN = "the-token-of-the-fleet-on-the-wire";
const SERVER = fileURLToPath(new URL("../support/server-for-all.mjs", import.meta.url));
const SSH_PORT = 2_222;
const HIVE_PORT = 7_835;
const MODEL = "talker";
/** A silent hive is offline after this. */
const SILENT_MS = 30_000;

interface AWiredMachine extends Sshd {
  readonly place: NetworkPlace;
}

async function aWiredMachine(
  network: Network,
  alias: string,
  env: Readonly<Record<string, string>> = {},
): Promise<AWiredMachine> {
  const place = network.place();
  const { address, wrapper } = place;
  const machine = await aMachine(alias, { address, wrapper, port: SSH_PORT, env: { HIVE_DISCOVER: "true", ...env } });
  return { ...machine, place };
}

/** A queen that the machines of the network reach, and that wants to hear of them often. */
const aWiredQueen = (workplace: Workplace, network: Network): Promise<AQueen> =>
  workplace.queen(
    ["--listen", network.address, "--heartbeat-interval-ms", "500", "--token-file", workplace.file("token", TOKEN)],
    { token: TOKEN },
  );

/** What says to the `hive` command which queen is meant. */
const to = (workplace: Workplace, queen: AQueen): string[] => [
  ...["--queen", queen.url, "--token-file", join(workplace.root, "token")],
];

async function add(workplace: Workplace, queen: AQueen, machine: AWiredMachine, ...more: string[]) {
  const { alias, config_file } = machine;
  return workplace.hive("add", alias, "--ssh-config", config_file, ...more, ...to(workplace, queen));
}

async function added(workplace: Workplace, queen: AQueen, machine: AWiredMachine, ...more: string[]): Promise<void> {
  const ran = await add(workplace, queen, machine, ...more);
  expect(ran, ran.stdout + ran.stderr).toMatchObject({ code: 0 });
  await isStatus(queen.client, machine.alias, "alive");
}

const isStatus = (client: HiveClient, id: string, status: string) =>
  eventually(`${id} is ${status}`, async () => {
    const hive = await client.hive(id).catch(() => undefined);
    return hive?.status === status && hive;
  });

/** An inference server on that machine, of which nobody told the hive. */
async function aServer(
  workplace: Workplace,
  { place }: AWiredMachine,
  ...words: readonly [host: string, port: number, key?: string]
): Promise<Started> {
  const [command = "", ...before] = place.wrapper;
  const args = [...before, process.execPath, SERVER, "llama-server", MODEL, ...words.map(String)];
  const server = startProgram(command, { args, env: workplace.env, cwd: workplace.root });
  await server.says(/^listening on (\S+)$/m);
  return server;
}

const question = (token: string) => ({
  method: "POST",
  headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
  body: JSON.stringify({ model: MODEL, messages: [{ role: "user", content: "Who are you?" }] }),
});

const joinTokenOf = ({ home }: Sshd): string => readFileSync(join(home, ".config/hive/join-token"), "utf8").trim();

/** What the hive's own API answers to who bears this token. */
const asked = async ({ address }: Sshd, token?: string): Promise<number> => {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://${address}:${HIVE_PORT}/v1/workers`, { headers });
  await answer.body?.cancel();
  return answer.status;
};

const heartbeat = async (queen: AQueen, hiveId: string, token: string): Promise<number> => {
  const answer = await fetch(`${queen.url}/api/v1/heartbeat`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ hive_id: hiveId, timestamp: new Date().toISOString(), workers: [] }),
  });
  await answer.body?.cancel();
  return answer.status;
};

const workersOf = async (client: HiveClient, id: string) =>
  (await client.listWorkers()).filter(({ hive_id }) => hive_id === id).map(({ worker }) => worker);

const fault = networksFault();
if (fault === undefined) inNetworks();
else console.warn(`\n${HOW_TO_HAVE_NETWORKS}\n(${fault})\n`);

test("where networks cannot be made, what to do is said", () => {
  const [, file = "nowhere"] = /vitest run (\S+)$/.exec(HOW_TO_HAVE_NETWORKS) ?? [];
  expect(existsSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)))).toBe(true);
  if (process.getuid?.() !== 0) expect(fault).toBeDefined();
});

function inNetworks(): void {
  describe("a machine at an address of its own", { timeout: 180_000 }, () => {
    test("is added, lets in who bears the fleet's token, and its server answers through the queen and directly", async () => {
      const network = aNetwork();
      const workplace = aWorkplace();
      const [queen, machine] = [await aWiredQueen(workplace, network), await aWiredMachine(network, "attic")];
      await aServer(workplace, machine, "0.0.0.0", 8_080);
      await added(workplace, queen, machine);

      const { address } = machine;
      expect(await queen.client.hive("attic")).toMatchObject({ hive_url: `http://${address}:${HIVE_PORT}` });
      expect(await queen.client.catalogHive("attic")).toMatchObject({ host: address, port: HIVE_PORT });
      const joinToken = joinTokenOf(machine);
      const settings = JSON.parse(readFileSync(join(machine.home, ".config/hive/machine.json"), "utf8"));
      expect(settings).toMatchObject({
        queen_url: queen.url,
        fleet_token_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      expect(joinToken).not.toBe(TOKEN);
      expect(
        await Promise.all(
          [TOKEN, undefined, "a-stranger's", settings.fleet_token_sha256].map((one) => asked(machine, one)),
        ),
      ).toEqual([200, 401, 401, 401]);

      const [worker] = await eventually("its server is listed", async () => {
        const workers = await workersOf(queen.client, "attic");
        return workers.some(({ url, state }) => url !== undefined && state === "Idle") && workers;
      });
      expect(worker).toMatchObject({ url: `http://${address}:8080`, model_id: MODEL, engine: "llama-server" });
      const answer = await fetch(`${queen.url}/v1/chat/completions`, question(TOKEN));
      expect([answer.status, answer.headers.get("x-hive-id")]).toEqual([200, "attic"]);
      expect(await answer.json()).toMatchObject({ choices: [{ message: { role: "assistant" } }] });

      const fleet = connect(queen.url, { token: TOKEN });
      onTestFinished(() => fleet.close());
      await fleet.ready;
      await eventually("the client knows it", () => fleet.workers().some(({ worker: { url } }) => url !== undefined));
      const direct = await fleet.fetch("/v1/chat/completions", question("nobody's"));
      expect(await direct.json()).toMatchObject({ choices: [{ message: { role: "assistant" } }] });
      expect(direct.status).toBe(200);
    });

    test("has a server on its loopback only: with a key of the hive's it is used through the hive, without it is shown with what to do", async () => {
      const network = aNetwork();
      const workplace = aWorkplace();
      const [queen, machine] = [await aWiredQueen(workplace, network), await aWiredMachine(network, "attic")];
      mkdirSync(join(machine.home, ".config/hive"), { recursive: true });
      const named = `[[server]]\nurl = "http://127.0.0.1:8081"\nkey = "the-key-of-the-server"\n`;
      writeFileSync(join(machine.home, ".config/hive/hive.toml"), named, { mode: 0o600 });
      await aServer(workplace, machine, "127.0.0.1", 8_080);
      await aServer(workplace, machine, "127.0.0.1", 8_081, "the-key-of-the-server");
      await added(workplace, queen, machine);

      const hive = new HiveAgentClient({ baseUrl: `http://${machine.address}:${HIVE_PORT}`, token: TOKEN });
      const shut = await eventually("the one without key is shown", async () =>
        (await hive.workers()).find(({ worker: { worker_id } }) => worker_id === "llama-server-8080"),
      );
      expect(shut.worker).not.toHaveProperty("url");
      expect(JSON.stringify(shut)).toContain("let it listen on 0.0.0.0");
      await eventually("the one with a key is listed", async () =>
        (await workersOf(queen.client, "attic")).some(
          ({ worker_id, url }) => worker_id === "llama-server-8081" && url !== undefined,
        ),
      );
      const answer = await fetch(`${queen.url}/v1/chat/completions`, question(TOKEN));
      expect([answer.status, answer.headers.get("x-hive-worker")]).toEqual([200, "llama-server-8081"]);
      expect(await answer.json()).toMatchObject({ choices: [{ message: { role: "assistant" } }] });
    });

    test("is not chosen while its cable is pulled, is silent soon, and alive again with nothing started twice", async () => {
      const network = aNetwork();
      const workplace = aWorkplace();
      const [queen, machine] = [await aWiredQueen(workplace, network), await aWiredMachine(network, "attic")];
      await aServer(workplace, machine, "0.0.0.0", 8_080);
      await added(workplace, queen, machine);
      const chosen = () =>
        queen.client.route(MODEL).then(
          ({ hive_id }) => hive_id,
          (error: { code?: string }) => error.code,
        );
      await eventually("it is chosen", async () => (await chosen()) === "attic");
      const before = { agents: agentsOn(machine), boot_id: (await queen.client.hive("attic")).boot_id };
      expect(before.agents).toHaveLength(1);

      machine.place.unplug();
      await eventually("it is not chosen any more", async () => (await chosen()) === "NO_WORKER", SILENT_MS);
      await isStatus(queen.client, "attic", "silent");
      await eventually(
        "the record is offline",
        async () => (await queen.client.catalogHive("attic")).status === "offline",
      );

      machine.place.plug();
      await eventually("it is chosen again", async () => (await chosen()) === "attic");
      expect(await isStatus(queen.client, "attic", "alive")).toMatchObject({ boot_id: before.boot_id });
      expect(agentsOn(machine)).toEqual(before.agents);
      expect((await queen.client.listHives()).map(({ hive_id }) => hive_id)).toEqual(["attic"]);
      expect((await fetch(`${queen.url}/v1/chat/completions`, question(TOKEN))).status).toBe(200);
    });

    test("is removed: its token is worth nothing any more, that of the other one still is", async () => {
      const network = aNetwork();
      const workplace = aWorkplace();
      const queen = await aWiredQueen(workplace, network);
      const machines = await Promise.all(["attic", "cellar"].map((name) => aWiredMachine(network, name)));
      const [attic, cellar] = machines as [AWiredMachine, AWiredMachine];
      await Promise.all(machines.map((machine) => added(workplace, queen, machine)));
      const [ofAttic, ofCellar] = [joinTokenOf(attic), joinTokenOf(cellar)];
      expect(ofAttic).not.toBe(ofCellar);
      expect(await asked(attic, ofCellar)).toBe(401);
      expect(await heartbeat(queen, "attic", ofCellar)).toBe(403);

      const removed = await workplace.hive("rm", "attic", "--yes", ...to(workplace, queen));
      expect(removed, removed.stdout + removed.stderr).toMatchObject({ code: 0 });
      expect(agentsOn(attic)).toEqual([]);
      await expect(asked(attic, TOKEN)).rejects.toThrow("fetch failed");
      expect(await heartbeat(queen, "attic", ofAttic)).toBe(401);
      expect(agentsOn(cellar)).toHaveLength(1);
      await isStatus(queen.client, "cellar", "alive");
      expect((await queen.client.listHives()).map(({ hive_id }) => hive_id)).toEqual(["cellar"]);
      expect((await queen.client.listCatalog()).map(({ id }) => id)).toEqual(["cellar"]);
    });

    test("cannot reach a queen that listens on loopback: nothing is put there, and what to do is said", async () => {
      const network = aNetwork();
      const workplace = aWorkplace();
      const queen = await workplace.queen(["--token-file", workplace.file("token", TOKEN)], { token: TOKEN });
      const machine = await aWiredMachine(network, "attic");

      const refused = await add(workplace, queen, machine);
      expect(refused.code, refused.stdout + refused.stderr).not.toBe(0);
      expect(refused.stderr).toContain(queen.url);
      expect(refused.stderr).toMatch(/hive up --listen ADDRESS.*--public-url URL/s);
      const [operation] = await queen.client.operations();
      expect(operation?.error).toMatchObject({ code: "QUEEN_OUT_OF_REACH" });
      expect(existsSync(join(machine.home, ".local"))).toBe(false);
      expect(await queen.client.listCatalog()).toEqual([]);
    });

    test("that is added under another name is refused; taken over it has that name alone", async () => {
      const network = aNetwork();
      const workplace = aWorkplace();
      const [queen, machine] = [await aWiredQueen(workplace, network), await aWiredMachine(network, "attic")];
      await added(workplace, queen, machine);
      const token = joinTokenOf(machine);
      const agents = agentsOn(machine);

      const refused = await add(workplace, queen, machine, "--id", "loft");
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toMatch(/the hive attic of this queen already.*--take-over/s);
      expect(agentsOn(machine)).toEqual(agents);
      expect((await queen.client.listCatalog()).map(({ id }) => id)).toEqual(["attic"]);

      const taken = await add(workplace, queen, machine, "--id", "loft", "--take-over");
      expect(taken, taken.stdout + taken.stderr).toMatchObject({ code: 0 });
      await isStatus(queen.client, "loft", "alive");
      expect(agentsOn(machine)).toHaveLength(1);
      expect((await queen.client.listCatalog()).map(({ id }) => id)).toEqual(["loft"]);
      expect((await queen.client.listHives()).map(({ hive_id }) => hive_id)).toEqual(["loft"]);
      expect(await heartbeat(queen, "attic", token)).toBe(401);
    });

    test("is another queen's: refused until it is taken over, and then she hears it no more", async () => {
      const network = aNetwork();
      const [here, elsewhere] = [aWorkplace(), aWorkplace()];
      const [ours, theirs] = [await aWiredQueen(here, network), await aWiredQueen(elsewhere, network)];
      const machine = await aWiredMachine(network, "attic");
      await added(elsewhere, theirs, machine);

      const refused = await add(here, ours, machine);
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain(`of the queen at ${theirs.url}`);
      const { operation_id } = await ours.client.addMachine("attic", { ssh: machine.ssh, take_over: true });
      const taken = await endOf(ours.client, operation_id);
      expect(taken.state, stepsOf(taken)).toBe("succeeded");
      expect(agentsOn(machine)).toHaveLength(1);
      await isStatus(theirs.client, "attic", "silent");
      await isStatus(ours.client, "attic", "alive");
      // Her record stays with her: what became of the machine she is not told.
      expect((await theirs.client.listCatalog()).map(({ id }) => id)).toEqual(["attic"]);
    });
  });
}
