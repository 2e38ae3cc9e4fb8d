import type { Operation } from "@hive-registry/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useClient, useFleet } from "../app/context.ts";
import { href } from "../app/router.ts";
import { PageHead } from "../app/shell.tsx";
import { asClientError } from "../app/use-call.ts";
import { Button, ButtonLink, Card } from "../ui/parts.tsx";
import { Empty, ErrorBox, Notice, Skeleton } from "../ui/states.tsx";
import { adviceFor } from "./advice.ts";
import { KIND_WORDS, OperationStateDot, Steps, tookText } from "./operation-view.tsx";
import { useOperation } from "./use-operation.ts";
import "./machines.css";

const TRAIL = [{ text: "Machines", href: href.machines() }];
/** The step in which a dry run says what would be done. */
const PLAN_STEP = "plan";

/** One operation while it goes on, and afterwards. */
export function OperationPage({ operationId }: { readonly operationId: string }): JSX.Element {
  const client = useClient();
  const fleet = useFleet();
  fleet.seconds.value;
  const { operation, error } = useOperation(client, operationId);
  if (operation === undefined) {
    return (
      <>
        <PageHead title="Operation" trail={TRAIL} />
        {error === undefined ? (
          <Skeleton height={14} label="Loading the operation …" />
        ) : error.code === "OPERATION_NOT_FOUND" ? (
          <Empty icon="machine" title="No such operation">
            <p>Old ones are forgotten.</p>
            <ButtonLink href={href.machines()}>To the machines</ButtonLink>
          </Empty>
        ) : (
          <ErrorBox title="The operation cannot be shown" error={error} />
        )}
      </>
    );
  }
  const { kind, hive_id, state } = operation;
  return (
    <>
      <PageHead title={`${KIND_WORDS[kind]} ${hive_id}`} trail={TRAIL} beside={<OperationStateDot state={state} />}>
        {state === "running" && <CancelButton operationId={operationId} />}
      </PageHead>
      {error !== undefined && <Notice tone="warn">Nothing more is heard of it: {error.message}</Notice>}
      <p class="unseen" role="status">
        {spoken(operation)}
      </p>
      <Card>
        <Steps operation={operation} nowMs={fleet.queenNowMs()} />
      </Card>
      <Outcome operation={operation} nowMs={fleet.queenNowMs()} />
    </>
  );
}

/** For who listens: each step once, and the end. */
function spoken({ steps, state, error }: Operation): string {
  if (state === "running") return `${steps.at(-1)?.name ?? "It"} is under way`;
  return error === undefined ? `It has ${state}` : `It has ${state}: ${error.message}`;
}

function Outcome({ operation, nowMs }: { readonly operation: Operation; readonly nowMs: number }): JSX.Element | null {
  const { state, kind, hive_id, error, steps } = operation;
  if (state === "running") return null;
  if (state === "succeeded") {
    const isDry = steps.at(-1)?.name === PLAN_STEP;
    const isThere = kind !== "uninstall" && kind !== "stop";
    return (
      <Notice
        icon="check"
        action={
          isDry ? (
            <ButtonLink kind="primary" href={href.machineAdd()}>
              Back to the form
            </ButtonLink>
          ) : isThere ? (
            <ButtonLink kind="primary" href={href.hive(hive_id)}>
              See {hive_id}
            </ButtonLink>
          ) : (
            <ButtonLink href={href.machines()}>To the machines</ButtonLink>
          )
        }
      >
        <strong>{isDry ? "Nothing was changed: this is what would be done." : "Done"}</strong>
        {!isDry && <span class="muted"> in {tookText(operation, nowMs)}</span>}
      </Notice>
    );
  }
  const advice = adviceFor(error?.code ?? (state === "cancelled" ? "CANCELLED" : undefined));
  return (
    <div class="notice bad" role="alert">
      <div>
        <strong>{state === "interrupted" ? "The queen ended before it did" : `It has ${state}`}</strong>
        {error !== undefined && (
          <p class="small">
            {error.message} <code class="muted">{error.code}</code>
          </p>
        )}
        {state === "interrupted" && <p class="small">The same again finishes the job.</p>}
        {advice !== undefined && <p class="small">{advice}</p>}
      </div>
      {kind === "add" && <ButtonLink href={href.machineAdd()}>Back to the form</ButtonLink>}
    </div>
  );
}

function CancelButton({ operationId }: { readonly operationId: string }): JSX.Element {
  const client = useClient();
  const [isCancelling, setCancelling] = useState(false);
  const [wrong, setWrong] = useState<string>();
  const cancel = async () => {
    setCancelling(true);
    try {
      await client.cancelOperation(operationId);
    } catch (thrown) {
      setWrong(asClientError(thrown).message);
      setCancelling(false);
    }
  };
  return (
    <>
      {wrong !== undefined && (
        <span class="small" role="alert">
          {wrong}
        </span>
      )}
      <Button kind="danger" icon="stop" isDisabled={isCancelling} onClick={() => void cancel()}>
        {isCancelling ? "Cancelling …" : "Cancel"}
      </Button>
    </>
  );
}
