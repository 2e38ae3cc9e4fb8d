import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { route, useApi } from "../app/context.ts";
import { href } from "../app/router.ts";
import { PageHead } from "../app/shell.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { SelectField, TextField } from "../ui/fields.tsx";
import { Button, ButtonLink, Card } from "../ui/parts.tsx";
import { Empty, Notice, Skeleton } from "../ui/states.tsx";
import { type AskDeps, Conversation, type Turn } from "./conversation.ts";
import { curlText } from "./curl.ts";
import { TurnView } from "./turn-view.tsx";
import "./playground.css";

/** One for the page: it stays while people look at something else. */
const conversation = new Conversation();

/** Talks to a model through the gateway, as any client would, and shows who answered. */
export function PlaygroundPage(): JSX.Element {
  const { fleet } = useApi();
  fleet.version.value;
  const models = fleet.isKnown.value ? fleet.registry.models() : [];
  const names = models.map(({ model }) => model);
  useWantedModel(names);
  return (
    <>
      <PageHead title="Playground">
        {conversation.turns.value.length > 0 && (
          <Button icon="trash" onClick={() => conversation.clear()}>
            New conversation
          </Button>
        )}
      </PageHead>
      {!fleet.isKnown.value ? (
        <Skeleton height={20} label="Loading the fleet …" />
      ) : names.length === 0 && conversation.turns.value.length === 0 ? (
        <Card>
          <NoModel />
        </Card>
      ) : (
        <div class="playground">
          <Settings models={models.map(({ model, idle_workers }) => ({ model, isFree: idle_workers > 0 }))} />
          <Talk />
        </div>
      )}
    </>
  );
}

/** The one that the address names; else the one of before; else one that is free. */
function useWantedModel(names: readonly string[]): void {
  const wanted = route.value.query.get("model");
  useLayoutEffect(() => {
    if (wanted !== null && wanted !== "") conversation.model.value = wanted;
  }, [wanted]);
  const first = names[0];
  useLayoutEffect(() => {
    if (conversation.model.peek() === "" && first !== undefined) conversation.model.value = first;
  }, [first]);
}

function NoModel(): JSX.Element {
  return (
    <Empty icon="chat" title="No model to talk to yet">
      <p>Start one, and it shows up here by itself:</p>
      <pre>npx hive worker start /path/to/MODEL.gguf</pre>
      <ButtonLink href={href.machineAdd()} icon="plus">
        Add a machine
      </ButtonLink>
    </Empty>
  );
}

function Settings({
  models,
}: {
  readonly models: readonly { readonly model: string; readonly isFree: boolean }[];
}): JSX.Element {
  const chosen = conversation.model.value;
  const isGone = chosen !== "" && models.every(({ model }) => model !== chosen);
  const options = [
    ...models.map(({ model, isFree }) => ({ value: model, text: isFree ? model : `${model} (all busy)` })),
    ...(isGone ? [{ value: chosen, text: `${chosen} (no worker has it)` }] : []),
  ];
  const isNarrow = useRef(innerWidth < 640);
  return (
    <Card class="settings">
      <div class="stack">
        <SelectField
          label="Model"
          value={chosen}
          options={options}
          onChange={(model) => {
            conversation.model.value = model;
          }}
        />
        <details open={!isNarrow.current}>
          <summary>How it answers</summary>
          <div class="stack">
            <TextField
              label="System prompt"
              rows={3}
              value={conversation.system.value}
              placeholder="none"
              onInput={(text) => {
                conversation.system.value = text;
              }}
            />
            <div class="pair">
              <TextField
                label="Temperature"
                type="number"
                min={0}
                max={2}
                step={0.1}
                value={conversation.temperature.value}
                placeholder="default"
                onInput={(text) => {
                  conversation.temperature.value = text;
                }}
              />
              <TextField
                label="Tokens at most"
                type="number"
                min={1}
                step={1}
                value={conversation.maxTokens.value}
                placeholder="no limit"
                onInput={(text) => {
                  conversation.maxTokens.value = text;
                }}
              />
            </div>
          </div>
        </details>
        <AsCurl />
      </div>
    </Card>
  );
}

/** The request that is in the field, or the last one, for a shell. */
function AsCurl(): JSX.Element {
  const { session } = useApi();
  const text = conversation.draft.value || conversation.turns.value.at(-1)?.question || "Hello";
  const command = curlText(session.client.value.baseUrl, conversation.question(text), {
    withToken: session.token.value !== undefined,
  });
  return (
    <details class="as-curl">
      <summary>The same with curl</summary>
      <div class="stack">
        <pre class="commands wrap">{command}</pre>
        <div class="row">
          <CopyButton text={command} label="Copy as curl" />
        </div>
      </div>
    </details>
  );
}

function Talk(): JSX.Element {
  const { fleet } = useApi();
  const turns = conversation.turns.value;
  const isStale = fleet.connection.value.state === "stale";
  const end = useRef<HTMLDivElement>(null);
  const count = turns.length;
  useEffect(() => {
    if (count > 0) end.current?.scrollIntoView({ block: "nearest" });
  }, [count]);
  return (
    <Card class="talk" label="Conversation">
      {turns.length === 0 ? (
        <p class="muted first-words">
          Ask something. The queen chooses a worker, and you see which one it was and why.
        </p>
      ) : (
        <ol class="turns stack">
          {turns.map((turn) => (
            <TurnView key={turn.id} turn={turn} nowMs={fleet.queenNowMs()} />
          ))}
        </ol>
      )}
      <div ref={end} />
      <p class="unseen" role="status">
        {spoken(turns.at(-1))}
      </p>
      {isStale && <Notice tone="warn">The queen cannot be reached; an answer will not come.</Notice>}
      <Asking />
    </Card>
  );
}

/** For who listens: the answer when it is whole, not piece by piece. */
function spoken(turn: Turn | undefined): string {
  switch (turn?.state) {
    case undefined:
    case "failed":
      return "";
    case "asking":
    case "answering":
      return "Answering …";
    case "answered":
      return `${turn.model} answered: ${turn.answer}`;
    case "stopped":
      return `Stopped. So far: ${turn.answer}`;
  }
}

function Asking(): JSX.Element {
  const { session, fleet } = useApi();
  const form = useRef<HTMLFormElement>(null);
  const hint = useSignal("");
  const isBusy = conversation.isBusy.value;
  const deps = useMemo<AskDeps>(
    () => ({
      gateway: {
        baseUrl: session.baseUrl,
        fetch: session.fetch,
        get token() {
          return session.token.peek();
        },
      },
      explain: (model, signal) => session.client.peek().explain({ model }, { signal }),
      nowMs: () => fleet.nowMs(),
      onFrame: (callback) => void requestAnimationFrame(callback),
    }),
    [session, fleet],
  );
  const send = () => {
    const text = conversation.draft.value.trim();
    hint.value =
      text === "" ? "Write something first." : conversation.model.value === "" ? "Choose a model first." : "";
    if (hint.value !== "" || isBusy) return;
    conversation.draft.value = "";
    void conversation.ask(text, deps);
  };
  return (
    <form
      class="asking"
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <TextField
        label="Your message"
        rows={2}
        value={conversation.draft.value}
        hint="Enter sends it, Shift and Enter begin a new line."
        wrong={hint.value === "" ? undefined : hint.value}
        onInput={(text) => {
          conversation.draft.value = text;
          hint.value = "";
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          send();
        }}
      />
      {isBusy ? (
        <Button icon="stop" kind="danger" onClick={() => conversation.stop()}>
          Stop
        </Button>
      ) : (
        <Button icon="send" kind="primary" type="submit">
          Send
        </Button>
      )}
    </form>
  );
}
