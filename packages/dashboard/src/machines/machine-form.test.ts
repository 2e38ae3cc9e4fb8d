import { expect, test } from "vitest";
import { EMPTY_FORM, type MachineForm, readForm } from "./machine-form.ts";

const read = (fields: Partial<MachineForm>) => readForm({ ...EMPTY_FORM, ...fields });

test("a name is all that a machine needs; the rest is as ssh's own configuration says", () => {
  expect(read({ host: " attic " })).toEqual({ hiveId: "attic", machine: { ssh: { host: "attic" } } });
});

test.each([
  ["ada@attic:2222", { host: "attic", user: "ada", port: 2222 }],
  ["ssh://ada@attic", { host: "attic", user: "ada" }],
  ["ada@corp@attic", { host: "attic", user: "ada@corp" }],
  ["fe80::1", { host: "fe80::1" }],
  ["[::1]:2222", { host: "::1", port: 2222 }],
])("%s is taken apart as ssh does", (host, ssh) => {
  expect(read({ host, id: "pc" })).toEqual({ hiveId: "pc", machine: { ssh } });
});

test("what is said in a field of its own counts more than what stands beside the name", () => {
  const form = { host: "ada@attic:2222", user: "eve", sshPort: "22", identityFile: "~/.ssh/fleet", hivePort: "0" };
  expect(read({ ...form, labels: "zone=attic, tier=spot", queenUrl: "http://10.0.0.1:7833", withLlama: true })).toEqual(
    {
      hiveId: "attic",
      machine: {
        ssh: { host: "attic", user: "eve", port: 22, identity_file: "~/.ssh/fleet" },
        ...{ port: 0, labels: { zone: "attic", tier: "spot" }, queen_url: "http://10.0.0.1:7833", with_llama: true },
      },
    },
  );
});

test("each field that is wrong is named, with what would be right", () => {
  const { wrongs } = read({
    host: "-oProxyCommand=x",
    sshPort: "0",
    hivePort: "70000",
    labels: "zone",
    queenUrl: "attic",
  });
  expect(Object.keys(wrongs ?? {}).toSorted()).toEqual(["hivePort", "host", "labels", "queenUrl", "sshPort"]);
  expect(read({}).wrongs?.host).toContain("ada@attic:2222");
  expect(read({ host: "attic", id: "a b" }).wrongs?.id).toBeDefined();
  expect(read({ host: "attic", user: "-x" }).wrongs?.user).toBeDefined();
});
