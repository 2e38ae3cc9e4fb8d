import type { JSX } from "preact";
import { PageHead } from "../app/shell.tsx";

export function MachineAddPage(): JSX.Element {
  return <PageHead title="Add a machine" />;
}
