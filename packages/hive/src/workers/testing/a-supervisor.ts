import { onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../clock.ts";
import { aLog } from "../../testing/silent-log.ts";
import type { Engine } from "../engines/engine.ts";
import { answersOk } from "../health.ts";
import { Supervisor } from "../supervisor.ts";
import { aFolder, fakeEngine } from "./fake-worker.ts";

export interface SupervisorStory {
  readonly supervisor: Supervisor;
  readonly dir: string;
  readonly clock: Clock;
  /** Called each time a worker changes. */
  readonly changes: () => number;
}

/** A supervisor of fake workers in a folder of its own. Its workers are ended with the test. */
export function aSupervisor(
  part: {
    readonly clock?: Clock;
    readonly engines?: readonly Engine[];
    readonly portStart?: number;
    readonly stopGraceMs?: number;
    readonly logBytesMax?: number;
    readonly slotsBusy?: () => number;
    readonly dir?: string;
  } = {},
): SupervisorStory {
  const dir = part.dir ?? aFolder();
  const clock = part.clock ?? systemClock;
  let changes = 0;
  const supervisor = new Supervisor(
    {
      clock,
      random: () => 1,
      log: aLog().log,
      engines: part.engines ?? [fakeEngine()],
      isHealthy: answersOk,
      device: (deviceId) => (deviceId === 0 ? { index: 0, backend: "cuda", uuid: "GPU-zero" } : undefined),
      slotsBusy: part.slotsBusy ?? (() => 0),
      onChange: () => {
        changes++;
      },
    },
    {
      modelsDir: dir,
      logsDir: `${dir}/logs`,
      pidsDir: `${dir}/pids`,
      workerPortStart: part.portStart ?? 0,
      hiveUrl: "http://127.0.0.1:1",
      ...(part.stopGraceMs !== undefined && { stopGraceMs: part.stopGraceMs }),
      ...(part.logBytesMax !== undefined && { logBytesMax: part.logBytesMax }),
    },
  );
  onTestFinished(async () => {
    supervisor.killAll();
    if (clock === systemClock) await supervisor.stopAll();
  });
  return { supervisor, dir, clock, changes: () => changes };
}

/** Workers on loopback, without a key. */
export const onLoopback = { listen: "127.0.0.1" } as const;
