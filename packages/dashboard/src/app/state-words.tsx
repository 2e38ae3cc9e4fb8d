import type { HiveStatus, WorkerInfo } from "@hive-registry/client";
import type { JSX } from "preact";
import { StatusDot, type Tone } from "../ui/parts.tsx";

const HIVE_TONES: Readonly<Record<HiveStatus, Tone>> = { alive: "good", suspect: "warn", silent: "bad" };

export function HiveState({ status }: { readonly status: HiveStatus }): JSX.Element {
  return <StatusDot tone={HIVE_TONES[status]}>{status}</StatusDot>;
}

/** What a worker is up to, in a word: what keeps work away from it comes first. */
export function workerWord(worker: WorkerInfo): { readonly word: string; readonly tone: Tone } {
  if (worker.draining === true) return { word: "draining", tone: "warn" };
  if (worker.health_status === "degraded") return { word: `${worker.state.toLowerCase()}, degraded`, tone: "warn" };
  if (worker.state === "Idle") return { word: "idle", tone: "good" };
  if (worker.state === "Busy") return { word: "busy", tone: "busy" };
  return { word: "loading", tone: "muted" };
}

export function WorkerState({ worker }: { readonly worker: WorkerInfo }): JSX.Element {
  const { word, tone } = workerWord(worker);
  return <StatusDot tone={tone}>{word}</StatusDot>;
}
