import type { JSX } from "preact";
import { PageHead } from "../../app/shell.tsx";

export function FleetPage(): JSX.Element {
  return <PageHead title="Fleet" />;
}
