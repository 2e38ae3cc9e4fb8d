import type { JSX } from "preact";
import { PageHead } from "../../app/shell.tsx";

export function ModelsPage(): JSX.Element {
  return <PageHead title="Models" />;
}
