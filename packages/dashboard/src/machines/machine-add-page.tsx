import type { ClientError } from "@hive-registry/client";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { navigate, useClient } from "../app/context.ts";
import { href } from "../app/router.ts";
import { PageHead } from "../app/shell.tsx";
import { asClientError } from "../app/use-call.ts";
import { CheckField, TextField } from "../ui/fields.tsx";
import { Button, Card } from "../ui/parts.tsx";
import { ErrorBox } from "../ui/states.tsx";
import { adviceFor } from "./advice.ts";
import { EMPTY_FORM, hiveIdOf, type MachineForm, readForm, type Wrongs } from "./machine-form.ts";
import "./machines.css";

/** Kept while the operation is looked at: who tries without doing, or has to mend a field, comes back to it. */
const form = signal<MachineForm>(EMPTY_FORM);
/** What was wrong with the fields when they were looked at last, and were not changed since. */
const wrongs = signal<Wrongs>({});

const TRAIL = [{ text: "Machines", href: href.machines() }];

export function MachineAddPage(): JSX.Element {
  const client = useClient();
  const [error, setError] = useState<ClientError>();
  const [isSending, setSending] = useState(false);

  const send = async (dryRun: boolean) => {
    const read = readForm(form.value);
    wrongs.value = read.wrongs ?? {};
    setError(undefined);
    if (read.wrongs !== undefined) {
      // After the fields are drawn anew.
      requestAnimationFrame(() => document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
      return;
    }
    setSending(true);
    try {
      const machine = dryRun ? { ...read.machine, dry_run: true } : read.machine;
      const { operation_id } = await client.addMachine(read.hiveId, machine);
      if (!dryRun) form.value = { ...form.value, takeOver: false, acceptNewHostKey: false };
      navigate(href.operation(operation_id));
    } catch (thrown) {
      setError(asClientError(thrown));
      setSending(false);
    }
  };

  return (
    <>
      <PageHead title="Add a machine" trail={TRAIL} />
      <Card>
        <form
          class="machine-form stack"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void send(false);
          }}
        >
          <p class="muted">Whatever ssh reaches from the queen; nothing has to be installed there.</p>
          <Text
            name="host"
            label="Machine"
            placeholder="ada@attic"
            hint="An alias of the ssh configuration, a name or an address."
            isRequired
          />
          <Advanced />
          {error !== undefined && (
            <ErrorBox title="The queen did not begin" error={error}>
              <p class="small">{adviceFor(error.code)}</p>
            </ErrorBox>
          )}
          <div class="row">
            <Button type="submit" kind="primary" icon="plus" isDisabled={isSending}>
              Add it
            </Button>
            <Button isDisabled={isSending} onClick={() => void send(true)}>
              Only look, change nothing
            </Button>
          </div>
        </form>
      </Card>
    </>
  );
}

/** Open when something in it is wrong, or was set. */
function Advanced(): JSX.Element {
  const { host: _, ...others } = form.value;
  const isSet = Object.values(others).some((value) => value !== "" && value !== false);
  const isWrong = Object.entries(wrongs.value).some(([name, wrong]) => name !== "host" && wrong !== undefined);
  const id = hiveIdOf(form.value.host.replace(/^.*@/, "").replace(/:\d+$/, ""));
  return (
    <details open={isSet || isWrong}>
      <summary>More</summary>
      <div class="stack">
        <div class="fields">
          <Text name="id" label="Name of the hive" placeholder={id || "the machine's"} />
          <Text name="user" label="SSH user" placeholder="as ssh says" />
          <Text name="sshPort" label="SSH port" placeholder="as ssh says" isPort />
          <Text name="identityFile" label="Identity file" placeholder="as ssh says" hint="On the queen's machine." />
          <Text name="hivePort" label="The hive's port" placeholder="7835" hint="0: any free one." isPort />
          <Text name="labels" label="Labels" placeholder="zone=attic tier=spot" />
          <Text name="queenUrl" label="The queen's address from there" placeholder="as the queen knows it" />
        </div>
        <Check name="withLlama">With the bundled inference engine (llama.cpp)</Check>
        <Check name="service">As a service, which starts with the machine</Check>
        <Check name="acceptNewHostKey">Accept the key of a machine that was never seen</Check>
        <Check name="takeOver">Take over a hive that another queen manages</Check>
      </div>
    </details>
  );
}

type Named<Value> = { [Name in keyof MachineForm]: MachineForm[Name] extends Value ? Name : never }[keyof MachineForm];

function Text(props: {
  readonly name: Named<string>;
  readonly label: string;
  readonly placeholder?: string;
  readonly hint?: string;
  readonly isRequired?: boolean;
  readonly isPort?: boolean;
}): JSX.Element {
  const { name, isPort = false, ...shown } = props;
  return (
    <TextField
      {...shown}
      type={isPort ? "number" : "text"}
      value={form.value[name]}
      wrong={wrongs.value[name]}
      onInput={(text) => {
        form.value = { ...form.value, [name]: text };
        wrongs.value = { ...wrongs.value, [name]: undefined };
      }}
    />
  );
}

function Check({ name, children }: { readonly name: Named<boolean>; readonly children: string }): JSX.Element {
  return (
    <CheckField
      label={children}
      isChecked={form.value[name]}
      onChange={(isChecked) => {
        form.value = { ...form.value, [name]: isChecked };
      }}
    />
  );
}
