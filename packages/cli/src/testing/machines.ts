import type { AddDeps } from "../machines/add.ts";
import type { ApplyDeps } from "../machines/apply.ts";
import { PLAIN } from "../output/paint.ts";
import { startStepLines } from "../output/step-lines.ts";
import { aPage, NOW_MS, type Page } from "./fakes.ts";
import { aFakeQueen, type FakeQueen, type FakeQueenOptions } from "./queen.ts";

export interface MachineStory {
  readonly page: Page;
  readonly queen: FakeQueen;
  readonly deps: AddDeps &
    Pick<ApplyDeps, "paint" | "confirm" | "look"> & {
      readonly client: FakeQueen["client"];
      isTerminal: boolean;
      write(text: string): void;
    };
  /** What a person does with Ctrl-C. */
  readonly interrupt: AbortController;
}

/** A person at a queen that keeps a catalog; a clock that only waiting moves. This machine's hive is `desk`. */
export async function aMachineStory(
  options: FakeQueenOptions & { readonly answer?: boolean | undefined } = {},
): Promise<MachineStory> {
  const queen = await aFakeQueen(options);
  const page = aPage();
  const interrupt = new AbortController();
  let nowMs = NOW_MS;
  const deps = {
    ...page,
    client: queen.client,
    hiveId: "desk",
    paint: PLAIN,
    isTerminal: true,
    nowMs: () => nowMs,
    pause: async (ms: number) => {
      nowMs += ms;
    },
    steps: () => startStepLines({ paint: PLAIN, nowMs: () => nowMs, print: page.note, draw: undefined }),
    interruptible: () => ({ signal: interrupt.signal, end: () => undefined }),
    confirm: async () => options.answer,
    wholePath: (file: string) => `/whole/${file}`,
  };
  return { page, queen, deps, interrupt };
}
