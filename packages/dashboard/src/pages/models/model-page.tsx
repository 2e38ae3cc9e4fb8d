import type { JSX } from "preact";
import { PageHead } from "../../app/shell.tsx";

export function ModelPage({ model }: { readonly model: string }): JSX.Element {
  return <PageHead title={model} />;
}
