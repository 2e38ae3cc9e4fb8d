import type { JSX } from "preact";
import { PageHead } from "../../app/shell.tsx";

export function WorkerPage({ workerId }: { readonly hiveId: string; readonly workerId: string }): JSX.Element {
  return <PageHead title={workerId} />;
}
