import type { StatsReply } from "@hive-registry/client";
import { useRef } from "preact/hooks";
import { useClient } from "../../app/context.ts";
import { useCall } from "../../app/use-call.ts";
import { type CounterReading, readingOf, requestsPerSecond, withReading } from "../../fleet-data/rates.ts";
import { fleetRates } from "../../fleet-data/series.ts";

const STATS_EVERY_MS = 3_000;
const HISTORY_EVERY_MS = 30_000;

/** What goes through the queen's gateway. */
export interface Traffic {
  readonly stats: StatsReply | undefined;
  /** Asks for them now. */
  refresh(): void;
  readonly requestsPerSecond: number | undefined;
  readonly inFlight: number | undefined;
  readonly queued: number | undefined;
  /** A value a minute, of the last hour; empty where the queen keeps no history. */
  readonly requests: readonly (number | null)[];
  readonly tokens: readonly (number | null)[];
}

export function useTraffic(): Traffic {
  const client = useClient();
  const readings = useRef<readonly CounterReading[]>([]);
  const stats = useCall(
    async (signal) => {
      const reply = await client.stats({ signal });
      readings.current = withReading(readings.current, readingOf(reply, performance.now()));
      return reply;
    },
    [client],
    { everyMs: STATS_EVERY_MS },
  );
  const history = useCall((signal) => client.fleetTelemetry({}, { signal }), [client], { everyMs: HISTORY_EVERY_MS });
  const rates = history.value === undefined ? undefined : fleetRates(history.value);
  return {
    stats: stats.value,
    refresh: stats.refresh,
    requestsPerSecond: requestsPerSecond(readings.current),
    inFlight: stats.value?.requests.in_flight,
    queued: stats.value?.requests.queued,
    requests: rates?.requests ?? [],
    tokens: rates?.tokens ?? [],
  };
}
