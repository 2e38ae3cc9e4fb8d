import type { StatsReply } from "@hive-registry/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useClient, useFleet } from "../../app/context.ts";
import { asClientError } from "../../app/use-call.ts";
import { countText, durationText } from "../../fleet-data/units.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Button } from "../../ui/parts.tsx";
import { Notice } from "../../ui/states.tsx";

/** Says that nobody is forgotten for the moment, why, and what to look at; whoever knows better ends it. */
export function FreezeBanner(props: { readonly stats: StatsReply; readonly onThawed: () => void }): JSX.Element | null {
  const { hives, liveness } = props.stats;
  const fleet = useFleet();
  fleet.seconds.value;
  const [isAsking, setAsking] = useState(false);
  const untilMs = liveness.frozen_until_ms;
  if (untilMs === undefined) return null;
  return (
    <>
      <Notice
        tone="warn"
        action={
          <Button isCompact onClick={() => setAsking(true)}>
            Thaw …
          </Button>
        }
      >
        <strong>Evictions are frozen</strong>, for {durationText(Math.max(0, untilMs - fleet.queenNowMs()))} at most:{" "}
        {countText(hives.silent)} of {countText(hives.total)} hives fell silent together, so the fault is likely in the
        network or at the queen's own machine. Look there first.
        {liveness.held_back > 0 && ` ${countText(liveness.held_back)} would be forgotten by now.`}
      </Notice>
      {isAsking && <ThawDialog onClose={() => setAsking(false)} onThawed={props.onThawed} />}
    </>
  );
}

function ThawDialog(props: { readonly onClose: () => void; readonly onThawed: () => void }): JSX.Element {
  const client = useClient();
  const [wrong, setWrong] = useState<string>();
  const thaw = async () => {
    try {
      await client.thaw();
      props.onThawed();
      props.onClose();
    } catch (error) {
      setWrong(asClientError(error).message);
    }
  };
  return (
    <Dialog title="Let silent hives be forgotten again?" onClose={props.onClose}>
      <p>
        Do so when those machines are really gone. Hives that are silent for long enough leave the registry, a few at a
        time; one that beats again is back at once.
      </p>
      {wrong !== undefined && (
        <Notice tone="bad" icon="error">
          {wrong}
        </Notice>
      )}
      <div class="row">
        <Button kind="danger" onClick={() => void thaw()}>
          Thaw
        </Button>
        <Button onClick={props.onClose}>Leave it frozen</Button>
      </div>
    </Dialog>
  );
}
