import type { CatalogRecord, Operation } from "@hive-registry/client";
import type { JSX } from "preact";
import { useClient, useFleet } from "../app/context.ts";
import { href } from "../app/router.ts";
import { PageHead } from "../app/shell.tsx";
import { useCall } from "../app/use-call.ts";
import { ageText, UNKNOWN } from "../fleet-data/units.ts";
import { Badge, ButtonLink, Card, StatusDot, type Tone } from "../ui/parts.tsx";
import { Empty, ErrorBox, Skeleton } from "../ui/states.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { MachineActions } from "./machine-actions.tsx";
import { KIND_WORDS, OperationStateDot, tookText } from "./operation-view.tsx";
import "./machines.css";

const ASK_EVERY_MS = 5_000;
/** Of the operations so many are shown; the queen forgets old ones herself. */
const OPERATIONS_MAX = 50;

/** The machines of the catalog, what can be done with them, and what was done. */
export function MachinesPage(): JSX.Element {
  const client = useClient();
  const fleet = useFleet();
  fleet.seconds.value;
  const catalog = useCall((signal) => client.listCatalog({ signal }), [client], { everyMs: ASK_EVERY_MS });
  const operations = useCall((signal) => client.operations({ signal }), [client], { everyMs: ASK_EVERY_MS });
  const nowMs = fleet.queenNowMs();
  return (
    <>
      <PageHead title="Machines">
        <ButtonLink kind="primary" icon="plus" href={href.machineAdd()}>
          Add a machine
        </ButtonLink>
      </PageHead>
      {catalog.error !== undefined && (
        <ErrorBox title="The machines cannot be listed" error={catalog.error} onRetry={catalog.refresh} />
      )}
      <Card title="In the catalog">
        {catalog.value === undefined ? (
          catalog.isLoading && <Skeleton label="Loading the machines …" />
        ) : catalog.value.length === 0 ? (
          <NoMachines />
        ) : (
          <Table
            label="Machines"
            columns={machineColumns(nowMs, catalog.refresh)}
            rows={catalog.value}
            rowKey={({ id }) => id}
          />
        )}
      </Card>
      {operations.error !== undefined && catalog.error === undefined && (
        <ErrorBox title="The operations cannot be listed" error={operations.error} onRetry={operations.refresh} />
      )}
      {operations.value !== undefined && operations.value.length > 0 && (
        <Card title="What was done">
          <Table
            label="Operations, newest first"
            columns={operationColumns(nowMs)}
            rows={operations.value.slice(0, OPERATIONS_MAX)}
            rowKey={({ operation_id }) => operation_id}
          />
        </Card>
      )}
    </>
  );
}

function NoMachines(): JSX.Element {
  return (
    <Empty icon="machine" title="No machine was added yet">
      <p>
        A hive that was started by hand shows up in the fleet by itself. The queen can also put one on any machine that
        ssh reaches: here, or by <code>npx hive add HOST</code>.
      </p>
      <ButtonLink href={href.machineAdd()} icon="plus">
        Add a machine
      </ButtonLink>
    </Empty>
  );
}

const STATUS_TONES: Readonly<Record<CatalogRecord["status"], Tone>> = {
  online: "good",
  offline: "bad",
  unknown: "muted",
};

const machineColumns = (nowMs: number, onDone: () => void): readonly Column<CatalogRecord>[] => [
  { title: "Hive", cell: ({ id }) => <a href={href.hive(id)}>{id}</a> },
  { title: "Status", cell: ({ status }) => <StatusDot tone={STATUS_TONES[status]}>{status}</StatusDot> },
  {
    title: "Machine",
    cell: ({ host, port, ssh }) => (
      <span class="wrap">
        {ssh === undefined ? `${host}:${port}` : `${ssh.user}@${ssh.host}`}
        {ssh !== undefined && <span class="muted"> by ssh</span>}
      </span>
    ),
  },
  {
    title: "Labels",
    cell: ({ labels = {} }) => {
      const all = Object.entries(labels);
      return all.length === 0 ? UNKNOWN : all.map(([key, value]) => <Badge key={key}>{`${key}=${value}`}</Badge>);
    },
  },
  {
    title: "Heard",
    cell: ({ last_heartbeat_ms: atMs }) => (atMs === undefined ? "never" : ageText(nowMs - atMs)),
  },
  { title: "Actions", cell: (record) => <MachineActions record={record} onDone={onDone} /> },
];

const operationColumns = (nowMs: number): readonly Column<Operation>[] => [
  {
    title: "Operation",
    cell: ({ operation_id, kind, hive_id }) => (
      <a href={href.operation(operation_id)}>
        {KIND_WORDS[kind]} {hive_id}
      </a>
    ),
  },
  { title: "State", cell: ({ state }) => <OperationStateDot state={state} /> },
  {
    title: "Step",
    cell: ({ steps, error }) => (
      <span class="wrap">
        {steps.at(-1)?.name ?? UNKNOWN}
        {error !== undefined && <span class="muted">: {error.message}</span>}
      </span>
    ),
  },
  { title: "Began", cell: ({ started_at_ms }) => ageText(nowMs - started_at_ms) },
  { title: "Took", isNumber: true, cell: (operation) => tookText(operation, nowMs) },
];
