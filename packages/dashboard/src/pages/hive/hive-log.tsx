import type { JSX } from "preact";
import { useClient } from "../../app/context.ts";
import { href } from "../../app/router.ts";
import { useCall } from "../../app/use-call.ts";
import { Button, ButtonLink, Card } from "../../ui/parts.tsx";
import { Empty, ErrorBox, Spinner } from "../../ui/states.tsx";

/** What a person reads of a log. */
const TAIL_BYTES = 32_768;

/** The machine says that nobody here put the hive there: then there is no log to be had, and no failure either. */
const NOT_OURS = new Set(["NOT_MANAGED", "HIVE_NOT_FOUND", "NOT_INSTALLED", "NO_SSH"]);

/** The end of what the hive's agent wrote, where the queen manages its machine. */
export function HiveLog({ hiveId }: { readonly hiveId: string }): JSX.Element {
  const client = useClient();
  const log = useCall((signal) => client.hiveLogs(hiveId, { tail_bytes: TAIL_BYTES }, { signal }), [client, hiveId]);
  const isNotOurs = log.error !== undefined && NOT_OURS.has(log.error.code);
  return (
    <Card
      title="The agent's log"
      actions={
        !isNotOurs && (
          <Button icon="refresh" isCompact isDisabled={log.isLoading} onClick={log.refresh}>
            Again
          </Button>
        )
      }
    >
      {log.isLoading && log.value === undefined && <Spinner>Asking the machine …</Spinner>}
      {isNotOurs && (
        <Empty icon="machine" title="The queen does not manage this machine">
          <p class="muted">
            So she cannot read its log. On the machine itself it is where the agent was started. A machine that is{" "}
            <a href={href.machineAdd()}>added by SSH</a> shows it here.
          </p>
          <ButtonLink href={href.machines()}>To the machines</ButtonLink>
        </Empty>
      )}
      {log.error !== undefined && !isNotOurs && (
        <ErrorBox title="The log did not come" error={log.error} onRetry={log.refresh} />
      )}
      {log.value !== undefined && log.value.trim() === "" && <p class="muted">Nothing was logged yet.</p>}
      {log.value !== undefined && log.value.trim() !== "" && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse scrolls it with the keys
        <section class="agent-log small" tabIndex={0} aria-label={`Log of ${hiveId}`}>
          <pre>{log.value}</pre>
        </section>
      )}
    </Card>
  );
}
