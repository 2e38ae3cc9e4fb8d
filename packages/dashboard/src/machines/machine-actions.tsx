import { type CatalogRecord, ClientError, type HiveClient, type OperationStarted } from "@hive-registry/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { navigate, useClient } from "../app/context.ts";
import { href } from "../app/router.ts";
import { asClientError } from "../app/use-call.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Button } from "../ui/parts.tsx";
import { ErrorBox } from "../ui/states.tsx";
import { adviceFor } from "./advice.ts";
import { LogDialog } from "./log-dialog.tsx";

interface Action {
  readonly name: string;
  /** What it does, where that should be thought over first. */
  readonly question?: (record: CatalogRecord) => string;
  readonly isDanger?: boolean;
  /** Undefined: it is done at once, and there is no operation to look at. */
  readonly run: (client: HiveClient, record: CatalogRecord) => Promise<OperationStarted | undefined>;
}

const START: Action = { name: "Start", run: (client, { id }) => client.startHive(id) };
const STOP: Action = {
  name: "Stop",
  question: ({ id }) => `The hive ${id} and its workers end. Requests that run there are broken off.`,
  isDanger: true,
  run: (client, { id }) => client.stopHive(id),
};
const RESTART: Action = {
  name: "Restart",
  question: ({ id }) => `The hive ${id} and its workers end and start again. Requests that run there are broken off.`,
  run: (client, { id }) => client.restartHive(id),
};
const UPDATE: Action = {
  name: "Update",
  question: ({ id }) =>
    `${id} gets the queen's version and starts again. One that is not heard afterwards goes back to the version before.`,
  run: (client, { id }) => client.updateHive(id),
};
const UNINSTALL: Action = {
  name: "Remove",
  question: ({ id }) =>
    `The hive ${id} and its workers end, and what was installed on its machine is removed. Then the queen forgets it.`,
  isDanger: true,
  run: (client, { id }) => client.uninstallHive(id),
};
/** What the queen did not put there by ssh she cannot take away by ssh. */
const FORGET: Action = {
  name: "Forget",
  question: ({ id }) => `The queen forgets ${id}. A hive that runs there goes on; end it there.`,
  isDanger: true,
  run: async (client, { id }) => {
    await unlessGone(client.removeCatalogHive(id));
    await unlessGone(client.removeHive(id));
    return undefined;
  },
};

const actionsFor = ({ ssh, status }: CatalogRecord): readonly Action[] => [
  ...(status === "online" ? [STOP, RESTART] : [START]),
  ...(ssh === undefined ? [FORGET] : [UPDATE, UNINSTALL]),
];

/** What can be done with a machine. `onDone`: the catalog is another one now. */
export function MachineActions(props: { readonly record: CatalogRecord; readonly onDone: () => void }): JSX.Element {
  const { record, onDone } = props;
  const client = useClient();
  const [asked, setAsked] = useState<Action>();
  const [error, setError] = useState<ClientError>();
  const [isRunning, setRunning] = useState(false);
  const [isLogOpen, setLogOpen] = useState(false);

  const run = async (action: Action) => {
    setRunning(true);
    setError(undefined);
    try {
      const started = await action.run(client, record);
      setAsked(undefined);
      if (started === undefined) onDone();
      else navigate(href.operation(started.operation_id));
    } catch (thrown) {
      setError(asClientError(thrown));
      // What went wrong is told where the question stood.
      setAsked(action);
    } finally {
      setRunning(false);
    }
  };
  const close = () => {
    setAsked(undefined);
    setError(undefined);
  };
  return (
    <div class="row actions">
      {actionsFor(record).map((action) => (
        <Button
          key={action.name}
          isCompact
          kind={action.isDanger === true ? "danger" : "plain"}
          isDisabled={isRunning}
          label={`${action.name} ${record.id}`}
          onClick={() => (action.question === undefined ? void run(action) : setAsked(action))}
        >
          {action.name}
        </Button>
      ))}
      <Button isCompact kind="quiet" label={`Log of ${record.id}`} onClick={() => setLogOpen(true)}>
        Log
      </Button>
      {asked !== undefined && (
        <Dialog title={`${asked.name} ${record.id}?`} onClose={close}>
          {asked.question !== undefined && <p>{asked.question(record)}</p>}
          {error !== undefined && (
            <ErrorBox title="It was not begun" error={error}>
              <p class="small">{adviceFor(error.code)}</p>
            </ErrorBox>
          )}
          <div class="row push">
            <Button onClick={close}>No, leave it</Button>
            <Button
              kind={asked.isDanger === true ? "danger" : "primary"}
              isDisabled={isRunning}
              onClick={() => void run(asked)}
            >
              {asked.name}
            </Button>
          </div>
        </Dialog>
      )}
      {isLogOpen && <LogDialog hiveId={record.id} onClose={() => setLogOpen(false)} />}
    </div>
  );
}

async function unlessGone(done: Promise<void>): Promise<void> {
  try {
    await done;
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== "HIVE_NOT_FOUND") throw error;
  }
}
