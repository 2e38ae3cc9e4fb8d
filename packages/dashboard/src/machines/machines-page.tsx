import type { JSX } from "preact";
import { PageHead } from "../app/shell.tsx";

export function MachinesPage(): JSX.Element {
  return <PageHead title="Machines" />;
}
