import type { EventLevel, FleetEvent } from "@hive-registry/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { navigate, route, useClient, useFleet } from "../app/context.ts";
import { href } from "../app/router.ts";
import { PageHead } from "../app/shell.tsx";
import { Choice, SelectField, TextField } from "../ui/fields.tsx";
import { Button, Card } from "../ui/parts.tsx";
import { Empty, ErrorBox, Skeleton } from "../ui/states.tsx";
import type { EventsFilter } from "./event-feed.ts";
import { EventLines } from "./event-lines.tsx";
import { useEvents } from "./use-events.ts";
import "./events.css";

const KINDS = [
  { value: "", text: "Everything" },
  { value: "hive", text: "Hives" },
  { value: "worker", text: "Workers" },
  { value: "operation", text: "Operations" },
  { value: "fleet", text: "The fleet as a whole" },
  { value: "queen", text: "The queen" },
] as const;

const LEVELS = [
  { value: "", text: "All" },
  { value: "warning", text: "Warnings" },
  { value: "error", text: "Errors" },
] as const;

/** What happened, newest first. What is chosen stands in the page's address, so that it can be shared. */
export function EventsPage(): JSX.Element {
  const client = useClient();
  const fleet = useFleet();
  // The queen's time of day is known from then on.
  fleet.isKnown.value;
  const [isPaused, setPaused] = useState(false);
  const { query } = route.value;
  const kind = KINDS.find(({ value }) => value === query.get("type"))?.value ?? "";
  const level = LEVELS.find(({ value }) => value === query.get("level"))?.value ?? "";
  const hiveId = (query.get("hive_id") ?? "").trim();
  const { events, error, keyOf } = useEvents(client, filterOf(kind, level, hiveId), { isPaused });
  const isFiltered = kind !== "" || level !== "" || hiveId !== "";

  const choose = (name: "type" | "level" | "hive_id", value: string) => {
    const chosen = { ...{ type: kind, level, hive_id: hiveId }, [name]: value };
    const said = Object.fromEntries(Object.entries(chosen).filter(([, one]) => one !== ""));
    navigate(href.events(said), { replace: true });
  };
  return (
    <>
      <PageHead title="Events">
        <Button onClick={() => setPaused(!isPaused)}>{isPaused ? "Go on" : "Pause"}</Button>
      </PageHead>
      <Card label="What is shown" class="event-filter">
        <SelectField label="About" value={kind} options={KINDS} onChange={(value) => choose("type", value)} />
        <TextField
          label="Hive"
          type="search"
          value={hiveId}
          placeholder="exact name"
          onInput={(value) => choose("hive_id", value)}
        />
        <div class="field">
          <span class="label">Level</span>
          <Choice label="Level" value={level} options={LEVELS} onChange={(value) => choose("level", value)} />
        </div>
      </Card>
      {error !== undefined && <ErrorBox title="News of what happens does not come" error={error} />}
      <Card label="Events, newest first">
        {events === undefined ? (
          error === undefined && <Skeleton height={20} label="Loading what happened …" />
        ) : events.length === 0 ? (
          <Nothing isFiltered={isFiltered} />
        ) : (
          <EventLines events={events} keyOf={keyOf} nowMs={fleet.queenNowMs()} />
        )}
      </Card>
      <p class="unseen" role="status">
        {events !== undefined && `${isPaused ? "Paused. " : ""}${spoken(events)}`}
      </p>
    </>
  );
}

const filterOf = (kind: string, level: "" | EventLevel, hiveId: string): EventsFilter => ({
  ...(kind === "" ? {} : { type: kind }),
  ...(level === "" ? {} : { level }),
  ...(hiveId === "" ? {} : { hive_id: hiveId }),
});

/** For who listens: what is bad; all else would be said without end. */
function spoken(events: readonly FleetEvent[]): string {
  return events.find(({ level }) => level === "error")?.message ?? "";
}

function Nothing({ isFiltered }: { readonly isFiltered: boolean }): JSX.Element {
  return isFiltered ? (
    <Empty icon="search" title="Nothing of this kind happened lately">
      <Button onClick={() => navigate(href.events(), { replace: true })}>Show everything</Button>
    </Empty>
  ) : (
    <Empty icon="events" title="Nothing happened yet">
      <p>What hives, workers and operations do shows up here by itself.</p>
    </Empty>
  );
}
