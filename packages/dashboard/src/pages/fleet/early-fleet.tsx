import type { StatsReply } from "@hive-registry/client";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { useClient } from "../../app/context.ts";
import { useCall } from "../../app/use-call.ts";
import { hiveRow } from "../../fleet-data/hive-row.ts";
import { countText } from "../../fleet-data/units.ts";
import { Skeleton, Spinner } from "../../ui/states.tsx";
import { FleetTotals } from "./fleet-totals.tsx";
import { HiveTile } from "./hive-tile.tsx";
import type { Traffic } from "./use-traffic.ts";

/** As many as a large window shows. */
const TILES = 24;

/**
 * The first picture of a large fleet: its totals and a few of its hives, while tens of megabytes are on their way. A fleet that
 * is here at once never shows it.
 */
export function EarlyFleet({ traffic }: { readonly traffic: Traffic }): JSX.Element {
  const client = useClient();
  const page = useCall((signal) => client.hivesPage({ limit: TILES }, { signal }), [client]);
  const rows = useMemo(() => page.value?.hives.map(hiveRow), [page.value]);
  const stats: StatsReply | undefined = traffic.stats;
  return (
    <>
      {stats !== undefined && (
        <FleetTotals hives={stats.hives} workers={stats.workers} sums={undefined} traffic={traffic} />
      )}
      <Spinner>
        {stats === undefined ? "The fleet is on its way …" : `${countText(stats.hives.total)} hives are on their way …`}
      </Spinner>
      <ul class="tiles-to-come" aria-label="The first hives">
        {rows?.map((row) => (
          <li key={row.hive_id}>
            <HiveTile row={row} isReached onFocus={() => undefined} />
          </li>
        ))}
        {rows === undefined &&
          Array.from({ length: 8 }, (_, at) => (
            <li key={at}>
              <Skeleton height={12} label="" />
            </li>
          ))}
      </ul>
    </>
  );
}
