import type { JSX } from "preact";
import { PageHead } from "../../app/shell.tsx";

export function HivePage({ hiveId }: { readonly hiveId: string }): JSX.Element {
  return <PageHead title={hiveId} />;
}
