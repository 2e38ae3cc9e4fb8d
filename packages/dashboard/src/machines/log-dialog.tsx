import type { JSX } from "preact";
import { useClient } from "../app/context.ts";
import { useCall } from "../app/use-call.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Button } from "../ui/parts.tsx";
import { ErrorBox, Spinner } from "../ui/states.tsx";

/** Of a log so much is asked for: what a person reads. */
const TAIL_BYTES = 16_384;

/** The end of a machine's hive's log. */
export function LogDialog({ hiveId, onClose }: { readonly hiveId: string; readonly onClose: () => void }): JSX.Element {
  const client = useClient();
  const { value, error, isLoading, refresh } = useCall(
    (signal) => client.hiveLogs(hiveId, { tail_bytes: TAIL_BYTES }, { signal }),
    [client, hiveId],
  );
  return (
    <Dialog title={`Log of ${hiveId}`} onClose={onClose}>
      {error !== undefined && <ErrorBox title="The log cannot be shown" error={error} onRetry={refresh} />}
      {isLoading && value === undefined && <Spinner>Asking the machine …</Spinner>}
      {value !== undefined && <pre class="commands wrap log">{value === "" ? "Nothing was logged." : value}</pre>}
      <div class="row push">
        <Button icon="refresh" onClick={refresh}>
          Again
        </Button>
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  );
}
