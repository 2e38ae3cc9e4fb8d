import { describe, expect, test } from "vitest";
import { CatalogPutSchema, CatalogRecordSchema } from "./catalog.ts";
import { LABELS_MAX } from "./labels.ts";
import { compile } from "./validate.ts";

const put = compile(CatalogPutSchema);

describe("what may be put into the catalog", () => {
  test.each<[string, object]>([
    ["a host", { host: "gaming-pc.lan" }],
    ["an address", { host: "fd00::1", port: 7_835 }],
    [
      "a way by SSH",
      { host: "rack", ssh: { host: "rack", user: "admin", port: 22, identity_file: "/home/me/.ssh/id" } },
    ],
    ["labels", { host: "rack", labels: { "site/room": "attic", empty: "" } }],
  ])("%s", (_, value) => {
    expect(put.errors(value)).toEqual([]);
  });

  test.each<[string, object]>([
    ["no host", {}],
    ["a host that is an option of ssh in disguise", { host: "-l" }],
    ["a user that is an option in disguise", { host: "h", ssh: { host: "h", user: "-l" } }],
    ["a password", { host: "h", ssh: { host: "h", user: "u", password: "x" } }],
    ["a port beyond all ports", { host: "h", port: 65_536 }],
    ["a label's name with a space", { host: "h", labels: { "a b": "c" } }],
    ["a label with a line break", { host: "h", labels: { a: "b\nc" } }],
    [
      "too many labels",
      { host: "h", labels: Object.fromEntries(Array.from({ length: LABELS_MAX + 1 }, (_, at) => [`l${at}`, ""])) },
    ],
    ["a mistyped field", { host: "h", prot: 7_835 }],
  ])("but not %s", (_, value) => {
    expect(put.check(value)).toBe(false);
  });

  test("a record has no place for a secret", () => {
    const names = JSON.stringify(CatalogRecordSchema).match(/"\w+":\{/g) ?? [];
    expect(names.length).toBeGreaterThan(10);
    expect(names.join()).not.toMatch(/password|passphrase|secret|token|key/i);
  });
});
