import type { WorkerInfo } from "@hive-registry/client";
import type { JSX } from "preact";
import { href } from "../../app/router.ts";
import { WorkerState } from "../../app/state-words.tsx";
import { bytesText, percentText } from "../../fleet-data/units.ts";
import { type Column, Table } from "../../ui/table.tsx";
import { cacheText, placeText, slotsText } from "../worker-load.ts";

/** So many are shown at first: a page must not become slow by one machine. */
const SHOWN_MAX = 200;

export function WorkersTable(props: { readonly hiveId: string; readonly workers: readonly WorkerInfo[] }): JSX.Element {
  const { hiveId, workers } = props;
  if (workers.length === 0) {
    return (
      <p class="muted">
        No worker runs there. <code>hive worker start MODEL --hive {hiveId}</code> starts one.
      </p>
    );
  }
  const columns: readonly Column<WorkerInfo>[] = [
    { title: "Worker", cell: ({ worker_id }) => <a href={href.worker(hiveId, worker_id)}>{worker_id}</a> },
    { title: "State", cell: (worker) => <WorkerState worker={worker} /> },
    {
      title: "Model",
      cell: ({ model_id }) => (model_id === undefined ? "–" : <a href={href.model(model_id)}>{model_id}</a>),
    },
    { title: "Slots", cell: slotsText, isNumber: true },
    { title: "KV cache", cell: cacheText, isNumber: true },
    { title: "GPU", cell: ({ gpu_percent }) => percentText(gpu_percent), isNumber: true },
    { title: "VRAM", cell: ({ vram_bytes }) => bytesText(vram_bytes), isNumber: true },
    { title: "Device", cell: placeText },
    { title: "Engine", cell: ({ engine }) => engine ?? "–" },
  ];
  return (
    <>
      <Table
        label={`Workers of ${hiveId}`}
        columns={columns}
        rows={workers.slice(0, SHOWN_MAX)}
        rowKey={({ worker_id }) => worker_id}
      />
      {workers.length > SHOWN_MAX && <p class="small muted">and {workers.length - SHOWN_MAX} more</p>}
    </>
  );
}
