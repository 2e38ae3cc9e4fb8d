import type { JSX } from "preact";
import { type Connection, connectionText } from "../fleet-data/connection.ts";
import { StatusDot, type Tone } from "../ui/parts.tsx";
import { Notice } from "../ui/states.tsx";
import { useApi, useFleet } from "./context.ts";

const TONES: Readonly<Record<Connection["state"], Tone>> = {
  connecting: "muted",
  live: "good",
  stale: "bad",
  refused: "bad",
};

/** In the header: whether what is shown is true now. */
export function ConnectionState(): JSX.Element {
  const { state } = useFleet().connection.value;
  const words = { connecting: "Connecting", live: "Live", stale: "Stale", refused: "Not connected" };
  return (
    <span role="status" aria-label={`Connection: ${words[state]}`}>
      <StatusDot tone={TONES[state]}>{words[state]}</StatusDot>
    </span>
  );
}

/** Says since when the page shows the past, counting up, and that nobody needs to do anything. */
export function StaleBanner(): JSX.Element | null {
  const { fleet, session } = useApi();
  const connection = fleet.connection.value;
  // The dialog that asks for the token says it.
  if (session.tokenWanted.value !== undefined) return null;
  if (connection.state !== "stale" && connection.state !== "refused") return null;
  // Counts up.
  fleet.seconds.value;
  return (
    <div class="banner">
      <Notice tone="bad" icon="warning">
        <strong>{sentence(connectionText(connection, fleet.nowMs()))}.</strong>{" "}
        {connection.state === "stale"
          ? "You see what was last known. The page goes on by itself when the queen is back."
          : connection.message}
      </Notice>
    </div>
  );
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
