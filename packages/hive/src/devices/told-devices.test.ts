import { compile, type DeviceInfo, DeviceInfoSchema } from "@hive-registry/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
import { parseAmdSmi } from "./amd-smi.ts";
import { amdSysfs } from "./amd-sysfs.ts";
import { type CardKind, type FixedCard, startCards } from "./card-source.ts";
import type { Files } from "./files.ts";
import { intelSysfs } from "./intel.ts";
import { parseGpuLine } from "./nvidia-smi.ts";
import { apu, arcB580, kfdNodes, PCI_IDS, rx7900 } from "./testing/card-samples.ts";

const { errors } = compile<DeviceInfo>(DeviceInfoSchema);

/** The text of a file, and what it may say on a bad day. */
const aText = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  fc.string({ maxLength: 300 }),
  fc.integer().map(String),
  fc.bigInt({ min: 0n, max: 10n ** 20n }).map((number) => `${number}\n`),
  fc.constantFrom("", "N/A\n", "-1\n", "1e99\n", "0x10\n", "\u0000\u001b[2J\n", "999999999999999\n"),
);

/** Files in memory, as a folder would tell them. */
function filesOf(all: Readonly<Record<string, string>>): Files {
  const names = (folder: string): string[] => {
    const below = Object.keys(all).filter((path) => path.startsWith(`${folder}/`));
    return [...new Set(below.map((path) => path.slice(folder.length + 1).split("/")[0] ?? ""))];
  };
  return { text: (path) => all[path], ask: async (path) => all[path], names, link: () => undefined };
}

async function toldBy<C extends FixedCard>(clock: FakeClock, kind: CardKind<C>): Promise<DeviceInfo[]> {
  const source = startCards({ clock }, { periodMs: 5_000, firstNumber: 0 }, kind);
  await source.settled();
  const told = source.devices().map(({ info }) => info);
  await source.stop();
  return told;
}

test("whatever the files of the drivers hold, a queen takes what is told of the cards", async () => {
  const good = {
    ...rx7900(0, "0000:03:00.0"),
    ...apu(1, "0000:c2:00.0", 96),
    ...arcB580(2, "0000:0a:00.0"),
    ...kfdNodes({ minor: 128, simds: 192 }, { minor: 129, simds: 80 }),
    "/usr/share/misc/pci.ids": PCI_IDS,
    "/sys/module/amdgpu/version": "6.12.12\n",
  };
  const changes = fc.dictionary(fc.constantFrom(...Object.keys(good)), aText, { maxKeys: 12 });
  await fc.assert(
    fc.asyncProperty(changes, async (changed) => {
      const entries = Object.entries({ ...good, ...changed }).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      );
      const files = filesOf(Object.fromEntries(entries));
      const clock = new FakeClock();
      const memory = () => ({ total_bytes: 2 ** 36, available_bytes: 2 ** 35 });
      const told = [
        ...(await toldBy(clock, amdSysfs(files, memory))),
        ...(await toldBy(clock, intelSysfs(files, clock))),
      ];
      expect(told.flatMap(errors)).toEqual([]);
    }),
  );
});

test("whatever amd-smi and nvidia-smi print, a queen takes what is told of it", () => {
  const value = fc.record({ value: fc.oneof(fc.double(), fc.string()), unit: fc.constantFrom("MB", "B", "%", "W") });
  const gpu = fc.record({
    gpu: fc.nat(300),
    mem_usage: fc.record({ total_vram: value, used_vram: value, free_vram: value }, { requiredKeys: [] }),
    usage: fc.record({ gfx_activity: value }),
    power: fc.record({ socket_power: value }),
    temperature: fc.record({ edge: value }),
    bus: fc.record({ bdf: fc.string() }),
    asic: fc.record({ market_name: fc.string({ maxLength: 400 }) }),
    driver: fc.record({ version: fc.string() }),
  });
  fc.assert(
    fc.property(fc.array(gpu, { maxLength: 3 }), (gpus) => {
      const text = JSON.stringify(gpus);
      expect((parseAmdSmi(text, text) ?? []).flatMap(({ info }) => errors(info))).toEqual([]);
    }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.integer().map(String)), { minLength: 12, maxLength: 12 }),
      (cells) => {
        const sample = parseGpuLine(["0", ...cells].join(", "));
        if (sample === undefined) return;
        const { unified: _unified, mig: _mig, index: _index, ...rest } = sample;
        const { memory_total_bytes: vram_total_bytes, memory_free_bytes: vram_free_bytes, ...info } = rest;
        const id = sample.uuid ?? "cuda-0";
        expect(errors({ ...info, id, backend: "cuda", vram_total_bytes, vram_free_bytes })).toEqual([]);
      },
    ),
  );
});
