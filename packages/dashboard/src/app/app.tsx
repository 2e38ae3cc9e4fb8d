import type { JSX } from "preact";
import { EventsPage } from "../events/events-page.tsx";
import { MachineAddPage } from "../machines/machine-add-page.tsx";
import { MachinesPage } from "../machines/machines-page.tsx";
import { OperationPage } from "../machines/operation-page.tsx";
import { FleetPage } from "../pages/fleet/fleet-page.tsx";
import { HivePage } from "../pages/hive/hive-page.tsx";
import { ModelPage } from "../pages/models/model-page.tsx";
import { ModelsPage } from "../pages/models/models-page.tsx";
import { WorkerPage } from "../pages/worker/worker-page.tsx";
import { PlaygroundPage } from "../playground/playground-page.tsx";
import { ButtonLink } from "../ui/parts.tsx";
import { Empty } from "../ui/states.tsx";
import { type Api, ApiContext, route } from "./context.ts";
import { href } from "./router.ts";
import { PageHead, Shell } from "./shell.tsx";

export function App({ api }: { readonly api: Api }): JSX.Element {
  return (
    <ApiContext.Provider value={api}>
      <Shell>
        <CurrentPage />
      </Shell>
    </ApiContext.Provider>
  );
}

/** Keys: another hive's page is another page, with nothing left of the one before. */
function CurrentPage(): JSX.Element {
  const at = route.value;
  switch (at.page) {
    case "fleet":
      return <FleetPage />;
    case "hive":
      return <HivePage key={at.hiveId} hiveId={at.hiveId} />;
    case "worker":
      return <WorkerPage key={`${at.hiveId}/${at.workerId}`} hiveId={at.hiveId} workerId={at.workerId} />;
    case "models":
      return <ModelsPage />;
    case "model":
      return <ModelPage key={at.model} model={at.model} />;
    case "playground":
      return <PlaygroundPage />;
    case "machines":
      return <MachinesPage />;
    case "machine-add":
      return <MachineAddPage />;
    case "operation":
      return <OperationPage key={at.operationId} operationId={at.operationId} />;
    case "events":
      return <EventsPage />;
    case "unknown":
      return (
        <>
          <PageHead title="No such page" />
          <Empty icon="search" title={`Nothing is at ${at.path}`}>
            <ButtonLink href={href.fleet()}>To the fleet</ButtonLink>
          </Empty>
        </>
      );
  }
}
