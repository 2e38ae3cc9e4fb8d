import { type Clock, within } from "../clock.ts";
import { ANSWER_LIMIT_MS } from "./nvidia-loop.ts";
import { type Divided, type MigPart, readDivided } from "./nvidia-mig.ts";
import { type GpuSample, parseComputeApps, parseGpuLine } from "./nvidia-smi.ts";
import { STALE_ROUNDS } from "./reading.ts";
import type { Run, Running } from "./run.ts";
import type { ProcessMemory } from "./source.ts";

/** A round of sampling waits so long for which process holds what; then the answer of the round before counts. */
const PROCESSES_WAIT_MS = 1_000;

/** What ended, or was killed, is gone by then. */
const GONE_WAIT_MS = 1_000;

/** What was answered, and when. */
interface Answer<T> {
  readonly value: T;
  readonly atMs: number;
}

/**
 * The calls of nvidia-smi beside the one that runs on. They are made one after the other: while one hangs in the driver,
 * no other is started, and what they would tell is unknown.
 */
export class NvidiaQuestions {
  readonly #deps: { readonly clock: Clock; readonly run: Run };
  readonly #options: { readonly command: string; readonly periodMs: number };
  #running: Running | undefined;
  #stopped = false;
  #divided: Answer<Divided> | undefined;
  #apps: Answer<readonly ProcessMemory[]> | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(
    deps: { readonly clock: Clock; readonly run: Run },
    options: { readonly command: string; readonly periodMs: number },
  ) {
    this.#deps = deps;
    this.#options = options;
  }

  /** One GPU by itself; undefined when it does not answer, or an earlier question still hangs. */
  async askGpu(uuid: string, columns: readonly string[]): Promise<GpuSample | undefined> {
    const args = [`--query-gpu=${columns.join(",")}`, "--format=csv,noheader,nounits", "-i", uuid];
    const text = await this.#ask(args);
    const samples = (text ?? "").split("\n").map((line) => parseGpuLine(line.trim(), columns));
    return samples.find((sample) => sample?.uuid === uuid);
  }

  parts(): readonly MigPart[] {
    return this.#divided?.value.parts ?? [];
  }

  partsAreStale(): boolean {
    return this.#isOld(this.#divided);
  }

  /** Asks again which parts there are, unless that is being done. */
  refreshParts(): Promise<void> {
    return this.#refresh(async () => {
      const [list, query] = [await this.#ask(["-L"]), await this.#ask(["-q"])];
      if (list !== undefined && query !== undefined) this.#divided = this.#now(readDivided(query, list));
    });
  }

  /**
   * Which processes hold device memory. On a machine with divided GPUs that was told with their parts: only there is it
   * said on which part a process is.
   */
  async processes(divided: boolean): Promise<readonly ProcessMemory[] | undefined> {
    if (divided) return this.#isOld(this.#divided) ? undefined : this.#divided?.value.processes;
    const isAsked = this.#refreshing !== undefined;
    const asked = this.#refresh(async () => {
      const text = await this.#ask([
        "--query-compute-apps=pid,gpu_uuid,used_gpu_memory",
        "--format=csv,noheader,nounits",
      ]);
      if (text !== undefined) this.#apps = this.#now(parseComputeApps(text));
    });
    // A question that is late holds up one round, not each.
    if (!isAsked) await within(this.#deps.clock, PROCESSES_WAIT_MS, asked);
    return this.#isOld(this.#apps) ? undefined : this.#apps?.value;
  }

  stop(): void {
    this.#stopped = true;
    this.#running?.kill();
  }

  #refresh(work: () => Promise<void>): Promise<void> {
    this.#refreshing ??= work().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** What it printed; undefined when it failed, or while another one has not ended. */
  async #ask(args: readonly string[]): Promise<string | undefined> {
    if (this.#running !== undefined || this.#stopped) return undefined;
    const running = this.#deps.run(this.#options.command, args, ANSWER_LIMIT_MS);
    this.#running = running;
    void running.ended.then(() => {
      this.#running = undefined;
    });
    const { text, problem } = await running.answer;
    // Gone a moment later, unless it hangs in the driver: then nobody waits for it.
    await within(this.#deps.clock, GONE_WAIT_MS, running.ended);
    return problem === undefined ? text : undefined;
  }

  #now<T>(value: T): Answer<T> {
    return { value, atMs: this.#deps.clock.nowMs() };
  }

  #isOld(answer: Answer<unknown> | undefined): boolean {
    return answer === undefined || this.#deps.clock.nowMs() - answer.atMs > STALE_ROUNDS * this.#options.periodMs;
  }
}
