import { expect, test } from "vitest";
import { hiveRow } from "../../fleet-data/hive-row.ts";
import { aHive, aWorker } from "../../fleet-data/testing/a-hive.ts";
import { FleetView, type View, words } from "./fleet-view.ts";

const ALL: View = { query: "", status: "all", sort: "name" };

function rowsOf(...hives: ReturnType<typeof aHive>[]) {
  const rows = new Map(hives.map((hive) => [hive.hive_id, hiveRow(hive)]));
  return { size: rows.size, find: (hiveId: string) => rows.get(hiveId), all: () => rows.values() };
}

const names = (rows: ReturnType<typeof rowsOf>, view: Partial<View>) =>
  new FleetView().list(rows, { ...ALL, ...view }).map(({ hive_id }) => hive_id);

test("numbers in names count as numbers", () => {
  expect(names(rowsOf(aHive({ hive_id: "rack-10" }), aHive({ hive_id: "rack-9" })), {})).toEqual(["rack-9", "rack-10"]);
});

test("a hive is found by its name, labels, models, backends, devices and state, and every word must be found", () => {
  const rows = rowsOf(
    aHive({
      hive_id: "desk",
      labels: { tier: "spot" },
      workers: [aWorker({ model_id: "Llama-3-8B", backend: "cuda" })],
    }),
    aHive({ hive_id: "attic", status: "silent" }),
  );
  for (const query of ["DES", "tier=spot", "llama-3", "cuda", "model:llama label:spot", "alive", "status:alive"])
    expect([query, names(rows, { query })]).toEqual([query, ["desk"]]);
  expect(names(rows, { query: "silent" })).toEqual(["attic"]);
  expect(names(rows, { query: "llama attic" })).toEqual([]);
  expect(names(rows, { status: "silent" })).toEqual(["attic"]);
});

test("a word that is a state still finds names that contain it", () => {
  expect(
    names(rowsOf(aHive({ hive_id: "silent-room" }), aHive({ hive_id: "attic", status: "silent" })), {
      query: "silent",
    }),
  ).toEqual(["attic", "silent-room"]);
});

test("orders put the worst, the roomiest, the busiest first, and equals stay in the order of their names", () => {
  const gb = (total: number, free: number) => ({ vram_total_gb: total, vram_free_gb: free });
  const rows = rowsOf(
    aHive({ hive_id: "a", ...gb(24, 4) }),
    aHive({ hive_id: "b", status: "silent", workers: [aWorker()] }),
    aHive({ hive_id: "c", status: "suspect", ...gb(80, 40) }),
    aHive({ hive_id: "d", ...gb(24, 4) }),
  );
  expect(names(rows, { sort: "status" })).toEqual(["b", "c", "a", "d"]);
  expect(names(rows, { sort: "vram-free" })).toEqual(["c", "a", "d", "b"]);
  expect(names(rows, { sort: "workers" })).toEqual(["b", "a", "c", "d"]);
});

test("who comes and who goes is noticed, also when the number stays the same", () => {
  const view = new FleetView();
  expect(view.list(rowsOf(aHive({ hive_id: "a" }), aHive({ hive_id: "b" })), ALL)).toHaveLength(2);
  const later = view.list(rowsOf(aHive({ hive_id: "b" }), aHive({ hive_id: "c" })), ALL);
  expect(later.map(({ hive_id }) => hive_id)).toEqual(["b", "c"]);
});

test("a fleet that comes in pieces and goes in pieces is in order all the time", () => {
  const view = new FleetView();
  const here = new Map<string, ReturnType<typeof aHive>>();
  for (let step = 0; step < 60; step++) {
    const hiveId = `hive-${(step * 37) % 50}`;
    if (step % 4 === 3) here.delete([...here.keys()][step % here.size] ?? "");
    else here.set(hiveId, aHive({ hive_id: hiveId }));
    const numbers = view.list(rowsOf(...here.values()), ALL).map(({ hive_id }) => Number(hive_id.slice(5)));
    expect(numbers).toEqual([...here.keys()].map((id) => Number(id.slice(5))).sort((a, b) => a - b));
  }
});

test("words are small, and what kind they are may be said", () => {
  expect(words("  Status:Silent  model:Qwen foo:bar ")).toEqual(["silent", "qwen", "foo:bar"]);
});
