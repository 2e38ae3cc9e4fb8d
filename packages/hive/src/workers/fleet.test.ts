import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../clock.ts";
import { Machine } from "../devices/machine.ts";
import type { DeviceSource, ProcessMemory } from "../devices/source.ts";
import type { Reach } from "../heartbeat/reach.ts";
import { aLog } from "../testing/silent-log.ts";
import { Fleet } from "./fleet.ts";
import { aSupervisor } from "./testing/a-supervisor.ts";
import { aModel } from "./testing/fake-worker.ts";
import { ToldByWorkers } from "./told.ts";

const reach: Reach = { host: "127.0.0.1", beyondLoopback: false, lacksToken: false, exposure: { listen: "127.0.0.1" } };
const aBeat = (part: object) => ({ worker_id: "w", timestamp: "now", health_status: "healthy" as const, ...part });

/** A fleet on a machine with one GPU that counts how often it is asked about processes. */
function aFleet() {
  let asked = 0;
  let memory: readonly ProcessMemory[] | undefined = [];
  const uuid = "GPU-1";
  const info = { id: uuid, uuid, backend: "cuda", name: "GPU", driver: "1", temperature_c: 40, power_w: 30 };
  const numbers = { vram_total_bytes: 8e9, vram_free_bytes: 4e9, utilization_percent: 55 };
  const gpu: DeviceSource = {
    devices: () => [{ index: 0, info: { ...info, ...numbers } }],
    notes: () => [],
    processes: async () => {
      asked++;
      return memory;
    },
    settled: async () => {},
    stop: async () => {},
  };
  const { supervisor, dir } = aSupervisor();
  const announced: string[] = [];
  const fleet = new Fleet({
    clock: systemClock,
    log: aLog().log,
    machine: new Machine([gpu]),
    supervisor,
    told: new ToldByWorkers(systemClock),
    found: () => [],
    relayUrl: () => undefined,
    reach: () => reach,
    exposure: async () => reach.exposure,
    onChange: () => {},
    onAnnounced: (id) => void announced.push(id),
  });
  onTestFinished(() => supervisor.stopAll());
  return {
    ...{ fleet, dir, announced },
    asked: () => asked,
    setMemory: (next: readonly ProcessMemory[] | undefined): void => {
      memory = next;
    },
  };
}

test("the driver is asked about processes only while a worker could use a device", async () => {
  const { fleet, dir, asked } = aFleet();
  await fleet.sample();
  expect(asked()).toBe(0);
  await fleet.start({ model: aModel(dir), worker_id: "w", wait: true });
  await fleet.sample();
  expect(asked()).toBe(1);
  fleet.hear(aBeat({ backend: "cpu" }));
  await fleet.sample();
  await fleet.sample();
  expect(asked()).toBe(1);
});

test("what the driver tells of a worker's processes is the worker's; when it tells nothing, nothing is claimed", async () => {
  const { fleet, dir, setMemory } = aFleet();
  const { pid = 0 } = await fleet.start({ model: aModel(dir), worker_id: "w", wait: true });
  setMemory([{ pid, device: "GPU-1", vram_bytes: 7e8 }]);
  await fleet.sample();
  expect(fleet.get("w").worker).toMatchObject({ vram_bytes: 7e8, backend: "cuda", device_id: 0, gpu_percent: 55 });
  setMemory(undefined);
  await fleet.sample();
  for (const field of ["vram_bytes", "gpu_percent", "backend"]) expect(fleet.get("w").worker).not.toHaveProperty(field);
});

test("a worker that announces itself is told of; one that was started here and reports is not", async () => {
  const { fleet, dir, announced } = aFleet();
  await fleet.start({ model: aModel(dir), worker_id: "w", wait: true });
  fleet.hear(aBeat({ slots_busy: 1 }));
  fleet.hear(aBeat({ worker_id: "ollama", url: "http://127.0.0.1:1", state: "Idle" }));
  expect(announced).toEqual(["ollama"]);
});

test("a failed worker is shown to people and not told to queens", async () => {
  const { fleet, dir } = aFleet();
  const model = aModel(dir, { fatal: "MODEL_INVALID: no" });
  await expect(fleet.start({ model, worker_id: "w", wait: true })).rejects.toMatchObject({ code: "MODEL_INVALID" });
  expect(fleet.list()).toMatchObject([{ phase: "failed", worker: { worker_id: "w" } }]);
  expect(fleet.workers()).toEqual([]);
});
