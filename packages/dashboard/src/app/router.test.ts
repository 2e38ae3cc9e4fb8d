import { expect, test } from "vitest";
import { href, parseRoute } from "./router.ts";

const pageOf = (hash: string) => {
  const { query: _, ...page } = parseRoute(hash);
  return page;
};

test("every page has an address that leads back to it, whatever the ids contain", () => {
  const odd = "a/b?c#d%e ü";
  expect(pageOf(href.fleet())).toEqual({ page: "fleet" });
  expect(pageOf(href.hive(odd))).toEqual({ page: "hive", hiveId: odd });
  expect(pageOf(href.worker(odd, "w/1"))).toEqual({ page: "worker", hiveId: odd, workerId: "w/1" });
  expect(pageOf(href.models())).toEqual({ page: "models" });
  expect(pageOf(href.model("org/model:7b"))).toEqual({ page: "model", model: "org/model:7b" });
  expect(pageOf(href.playground({ model: odd }))).toEqual({ page: "playground" });
  expect(pageOf(href.machines())).toEqual({ page: "machines" });
  expect(pageOf(href.machineAdd())).toEqual({ page: "machine-add" });
  expect(pageOf(href.operation("op-1"))).toEqual({ page: "operation", operationId: "op-1" });
  expect(pageOf(href.events())).toEqual({ page: "events" });
});

test("what stands after the question mark comes along", () => {
  expect(parseRoute(href.playground({ model: "llama 3 & co" })).query.get("model")).toBe("llama 3 & co");
  expect(parseRoute("#/?q=tier%3Dspot").query.get("q")).toBe("tier=spot");
});

test("an empty hash is the fleet, and one that nobody understands says so", () => {
  for (const hash of ["", "#", "#/"]) expect(pageOf(hash)).toEqual({ page: "fleet" });
  expect(pageOf("#/nowhere/at/all")).toEqual({ page: "unknown", path: "/nowhere/at/all" });
  expect(pageOf("#/hives/desk/workers")).toMatchObject({ page: "unknown" });
});

test("an address typed by hand that is no encoding is taken as it stands", () => {
  expect(pageOf("#/hives/100%")).toEqual({ page: "hive", hiveId: "100%" });
});
