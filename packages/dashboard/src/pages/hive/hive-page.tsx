import type { HiveRuntimeState } from "@hive-registry/client";
import type { JSX } from "preact";
import { navigate, route, useFleet } from "../../app/context.ts";
import { href } from "../../app/router.ts";
import { PageHead } from "../../app/shell.tsx";
import { HiveState } from "../../app/state-words.tsx";
import { clockText } from "../../fleet-data/units.ts";
import { Badge, ButtonLink, Card } from "../../ui/parts.tsx";
import { Empty, Notice, Skeleton } from "../../ui/states.tsx";
import { Tabs } from "../../ui/tabs.tsx";
import { EventsOf } from "../events-of.tsx";
import { Devices } from "./devices.tsx";
import { HiveFacts } from "./hive-facts.tsx";
import { HiveHistory } from "./hive-history.tsx";
import { HiveLog } from "./hive-log.tsx";
import { WorkersTable } from "./workers-table.tsx";
import "./hive.css";

const TABS = [
  { name: "now", title: "Now" },
  { name: "history", title: "Over time" },
  { name: "events", title: "Events" },
  { name: "log", title: "Log" },
] as const;

/** Everything about one machine's agent. */
export function HivePage({ hiveId }: { readonly hiveId: string }): JSX.Element {
  const fleet = useFleet();
  fleet.version.value;
  const state = fleet.registry.getHiveState(hiveId);
  const tab = TABS.find(({ name }) => name === route.value.query.get("tab"))?.name ?? "now";
  return (
    <>
      <PageHead
        title={hiveId}
        trail={[{ text: "Fleet", href: href.fleet() }]}
        beside={
          state !== undefined && (
            <>
              <HiveState status={state.status} />
              {fleet.rows.find(hiveId)?.isFlapping === true && (
                <Badge tone="warn" icon="flap">
                  flapping
                </Badge>
              )}
            </>
          )
        }
      />
      {state === undefined && !fleet.isKnown.value && <Skeleton height={20} label="The hive is on its way" />}
      {state === undefined && fleet.isKnown.value && <NotThere hiveId={hiveId} />}
      {state !== undefined && <Condition state={state} isFlapping={fleet.rows.find(hiveId)?.isFlapping === true} />}
      {(state !== undefined || fleet.isKnown.value) && (
        <Tabs
          label={`About ${hiveId}`}
          tabs={state === undefined ? TABS.slice(1) : TABS}
          current={state === undefined && tab === "now" ? "history" : tab}
          onChange={(name) => navigate(href.hive(hiveId, name === "now" ? {} : { tab: name }), { replace: true })}
        >
          {tab === "now" && state !== undefined && <Now state={state} />}
          {(tab === "history" || (tab === "now" && state === undefined)) && <HiveHistory hiveId={hiveId} />}
          {tab === "events" && <EventsOf filter={{ hive_id: hiveId }} />}
          {tab === "log" && <HiveLog hiveId={hiveId} />}
        </Tabs>
      )}
    </>
  );
}

function Now({ state }: { readonly state: HiveRuntimeState }): JSX.Element {
  return (
    <>
      <HiveFacts state={state} />
      <Card title="Devices">
        <Devices devices={state.devices} />
      </Card>
      <Card title={`Workers (${state.worker_count})`}>
        <WorkersTable hiveId={state.hive_id} workers={state.workers} />
      </Card>
    </>
  );
}

/** What is out of the ordinary, what it means, and what to do. */
function Condition({
  state,
  isFlapping,
}: {
  readonly state: HiveRuntimeState;
  readonly isFlapping: boolean;
}): JSX.Element {
  const clock = clockText(state.clock_skew_ms);
  return (
    <>
      {state.status === "suspect" && (
        <Notice tone="warn">
          <strong>Suspect:</strong> its connection closed, or it missed heartbeats. Its workers get nothing new until it
          is heard again.
        </Notice>
      )}
      {state.status === "silent" && (
        <Notice tone="bad" icon="error">
          <strong>Silent:</strong> it said goodbye, or was not heard for 30 s. What stands here is what it said last.
          See whether its machine is up and its agent runs.
        </Notice>
      )}
      {isFlapping && (
        <Notice tone="warn" icon="flap">
          <strong>Flapping:</strong> it fell silent and came back again and again within ten minutes, so it is chosen
          last. Look at its network and its load.
        </Notice>
      )}
      {clock !== undefined && (
        <Notice icon="clock">
          {clock.charAt(0).toUpperCase() + clock.slice(1)}: ages are counted by the queen's clock alone.
        </Notice>
      )}
    </>
  );
}

/** It is not in the registry: it was evicted, removed, or never there. */
function NotThere({ hiveId }: { readonly hiveId: string }): JSX.Element {
  return (
    <Empty icon="search" title={`Nobody hears of ${hiveId}`}>
      <p class="muted">
        It was silent for so long that it was forgotten, or it never beat here. With its next heartbeat it is back, and
        this page shows it.
      </p>
      <div class="row">
        <ButtonLink href={href.fleet()}>To the fleet</ButtonLink>
        <ButtonLink href={href.machines()}>To the machines</ButtonLink>
      </div>
    </Empty>
  );
}
