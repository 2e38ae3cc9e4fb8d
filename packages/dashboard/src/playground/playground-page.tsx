import type { JSX } from "preact";
import { PageHead } from "../app/shell.tsx";

export function PlaygroundPage(): JSX.Element {
  return <PageHead title="Playground" />;
}
