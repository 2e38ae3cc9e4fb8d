import type { JSX } from "preact";
import { PageHead } from "../app/shell.tsx";

export function OperationPage({ operationId }: { readonly operationId: string }): JSX.Element {
  return <PageHead title={operationId} />;
}
