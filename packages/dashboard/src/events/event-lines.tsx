import type { EventLevel, FleetEvent } from "@hive-registry/client";
import type { JSX } from "preact";
import { href } from "../app/router.ts";
import { timeText } from "../fleet-data/units.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import "./events.css";

const ICONS: Readonly<Record<EventLevel, IconName>> = { info: "info", warning: "warning", error: "error" };

/** One below the other: when, how bad, what, and where to look. */
export function EventLines(props: {
  readonly events: readonly FleetEvent[];
  readonly keyOf: (event: FleetEvent) => string;
  readonly nowMs: number;
}): JSX.Element {
  return (
    <ol class="events">
      {props.events.map((event) => (
        <li key={props.keyOf(event)} class={`event ${event.level}`}>
          <time class="small muted" dateTime={new Date(event.at_ms).toISOString()}>
            {timeText(event.at_ms, props.nowMs)}
          </time>
          <span class="event-mark">
            <Icon name={ICONS[event.level]} />
            {event.level !== "info" && <span class="unseen">{event.level}: </span>}
          </span>
          <p class="wrap">{event.message}</p>
          <p class="small row event-links">
            <Links event={event} />
          </p>
        </li>
      ))}
    </ol>
  );
}

function Links({ event }: { readonly event: FleetEvent }): JSX.Element {
  const { hive_id, worker_id, model, operation_id } = event;
  return (
    <>
      {hive_id !== undefined && (
        <a class="cut" href={href.hive(hive_id)}>
          {hive_id}
        </a>
      )}
      {hive_id !== undefined && worker_id !== undefined && (
        <a class="cut" href={href.worker(hive_id, worker_id)}>
          {worker_id}
        </a>
      )}
      {model !== undefined && (
        <a class="cut" href={href.model(model)}>
          {model}
        </a>
      )}
      {operation_id !== undefined && <a href={href.operation(operation_id)}>operation</a>}
    </>
  );
}
