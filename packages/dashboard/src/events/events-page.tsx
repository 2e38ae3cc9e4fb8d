import type { JSX } from "preact";
import { PageHead } from "../app/shell.tsx";

export function EventsPage(): JSX.Element {
  return <PageHead title="Events" />;
}
