import fc from "fast-check";
import { expect, test } from "vitest";
import { parseList, parseQuery, readDivided } from "./nvidia-mig.ts";
import { MIG_GPU, MIG_LIST, MIG_QUERY } from "./testing/nvidia-samples.ts";

const MIB = 1_048_576;

test("the list names each part by the UUID that engines take", () => {
  expect(parseList(MIG_LIST)).toEqual([
    { gpu_uuid: MIG_GPU, index: 0, uuid: "MIG-11111111-aaaa-bbbb-cccc-000000000010", profile: "3g.40gb" },
    { gpu_uuid: MIG_GPU, index: 1, uuid: "MIG-11111111-aaaa-bbbb-cccc-000000000011", profile: "2g.20gb" },
  ]);
  expect(parseList("GPU 0: NVIDIA L4 (UUID: GPU-1)\n")).toEqual([]);
});

test("the long text tells the memory of each part, not that of its GPU, and on which part a process is", () => {
  const [gpu] = parseQuery(MIG_QUERY);
  expect(gpu).toEqual({
    uuid: MIG_GPU,
    parts: [
      { index: 0, instance: 2, total: 40_448 * MIB, free: 29_357 * MIB },
      { index: 1, instance: 3, total: 20_096 * MIB, free: 20_080 * MIB },
    ],
    processes: [
      { instance: 2, pid: 21_180, bytes: 2_296 * MIB },
      { instance: 2, pid: 21_198, bytes: 7_484 * MIB },
    ],
  });
});

test("an older driver does not call the memory shared", () => {
  const [gpu] = parseQuery(MIG_QUERY.replaceAll("Shared FB Memory", "FB Memory"));
  expect(gpu?.parts[1]).toMatchObject({ total: 20_096 * MIB, free: 20_080 * MIB });
});

test("a process whose part is not known counts on its GPU, one whose memory is not told on none", () => {
  const list = MIG_LIST.replace("Device  0", "Device  7");
  const query = MIG_QUERY.replace(": 2296 MiB", ": N/A");
  expect(readDivided(query, list)).toEqual({
    parts: [expect.objectContaining({ index: 1 })],
    processes: [{ pid: 21_198, device: MIG_GPU, vram_bytes: 7_484 * MIB }],
  });
});

test("a line with an indent that is no level is passed over", () => {
  expect(parseQuery(`GPU 00000000:00:09.0\n  half\n ${MIG_QUERY}`)[1]?.parts).toHaveLength(2);
});

test("whatever lines are missing or doubled, nothing is thrown and no part is without a UUID", () => {
  const lines = MIG_QUERY.split("\n");
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...lines), { maxLength: 120 }), fc.string(), (some, noise) => {
      const { parts, processes } = readDivided([...some, noise].join("\n"), MIG_LIST + noise);
      for (const part of parts) expect(part.uuid).toMatch(/^MIG-/);
      for (const { pid, vram_bytes } of processes)
        expect(Number.isInteger(pid) && Number.isInteger(vram_bytes)).toBe(true);
    }),
  );
});
