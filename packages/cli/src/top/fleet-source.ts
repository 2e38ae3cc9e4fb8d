import { type FleetEvent, follow } from "@hive-registry/client";
import { HiveRegistry } from "hive-registry";
import type { Uses } from "../deps.ts";
import type { FleetView, Link } from "./fleet-view.ts";

/** More than one reads, and little over a slow line. */
const HIVES_PER_SECOND = 250;
const STATS_EVERY_MS = 1_000;
const EVENTS_EVERY_MS = 2_000;
const HEAT_EVERY_MS = 15_000;
/** Twenty columns of half a minute. */
const HEAT = { window_ms: 600_000, step_ms: 30_000, limit: 1_000 };
/** Events that are kept to be looked through. */
const EVENTS_MAX = 500;
/** Ages are told in seconds. */
const AGES_EVERY_MS = 1_000;

export type SourceDeps = Uses<"watch" | "stats" | "events" | "hivesTelemetryPage", "nowMs"> & {
  readonly queenUrl: string;
  pause(ms: number, signal?: AbortSignal): Promise<void>;
};

export interface FleetSource {
  view(): FleetView;
  /** Whether there is something new since this was asked last. */
  isNews(): boolean;
  /** Resolves once the fleet is known. */
  readonly ready: Promise<void>;
  /** Rejects with what trying again does not heal; resolves at the signal. */
  readonly ended: Promise<void>;
}

/** The fleet as the queen tells it from now on, and what only she knows, until the signal. */
export function startFleetSource(deps: SourceDeps, signal: AbortSignal): FleetSource {
  const { client, nowMs, pause } = deps;
  const registry = new HiveRegistry({ now: nowMs });
  const events: FleetEvent[] = [];
  let runId: string | undefined;
  let heat: FleetView["heat"] = new Map();
  let stats: FleetView["stats"];
  let link: Link = { state: "open" };
  let queenAheadMs = 0;
  let isNews = true;
  let toldAtMs = 0;

  const following = follow(
    {
      client,
      registry: {
        apply(change) {
          if (change.type === "snapshot") queenAheadMs = change.at_ms - nowMs();
          registry.apply(change);
          isNews = true;
        },
      },
    },
    {
      ...{ signal, hivesPerSecond: HIVES_PER_SECOND },
      onOpen: () => {
        link = { state: "open" };
        isNews = true;
      },
      onRetry: () => {
        if (link.state === "open") link = { state: "lost", sinceMs: nowMs() };
        isNews = true;
      },
    },
  );

  /** Whether she answers is told by the stream: what fails here is asked again. */
  const ask = async (everyMs: number, once: () => Promise<void>): Promise<void> => {
    while (!signal.aborted) {
      await once().catch(() => undefined);
      isNews = true;
      await pause(everyMs, signal);
    }
  };
  void ask(STATS_EVERY_MS, async () => {
    stats = await client.stats({ signal });
  });
  void ask(EVENTS_EVERY_MS, async () => {
    const after = events.at(-1)?.id;
    const query = runId === undefined || after === undefined ? { limit: EVENTS_MAX } : { limit: EVENTS_MAX, after };
    const list = await client.events(query, { signal });
    // Another run of the queen counts from the beginning.
    if (runId !== list.run_id) events.length = 0;
    if (runId === undefined || runId === list.run_id) events.push(...list.events);
    runId = list.run_id;
    events.splice(0, events.length - EVENTS_MAX);
  });
  void ask(HEAT_EVERY_MS, async () => {
    const { hives } = await client.hivesTelemetryPage(HEAT, { signal });
    heat = new Map(hives.map(({ hive_id, gpu_percent }) => [hive_id, gpu_percent]));
  });

  return {
    ready: following.ready,
    ended: following.ended,
    view: () => ({ ...{ registry, stats, events, heat, link, queenAheadMs }, queenUrl: deps.queenUrl, nowMs: nowMs() }),
    isNews() {
      const now = nowMs();
      if (!isNews && now - toldAtMs < AGES_EVERY_MS) return false;
      isNews = false;
      toldAtMs = now;
      return true;
    },
  };
}

/** The fleet as it is now, once. */
export async function fleetNow(deps: SourceDeps): Promise<FleetView> {
  const { client, nowMs, queenUrl } = deps;
  const [stats, { events }, telemetry] = await Promise.all([
    client.stats(),
    client.events({ limit: EVENTS_MAX }),
    client.hivesTelemetryPage(HEAT),
  ]);
  const registry = new HiveRegistry({ now: nowMs });
  let queenAheadMs = 0;
  for await (const change of client.watch({})) {
    registry.apply(change);
    queenAheadMs = change.at_ms - nowMs();
    break;
  }
  const heat = new Map(telemetry.hives.map(({ hive_id, gpu_percent }) => [hive_id, gpu_percent]));
  return { ...{ registry, stats, events, heat, queenUrl, queenAheadMs }, link: { state: "open" }, nowMs: nowMs() };
}
