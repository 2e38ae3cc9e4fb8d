import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../ui/dialog.tsx";
import { CheckField, TextField } from "../ui/fields.tsx";
import { Button } from "../ui/parts.tsx";
import { useApi } from "./context.ts";

/** Asks for the fleet's token when the queen wants one. */
export function TokenPrompt(): JSX.Element | null {
  const { session } = useApi();
  const why = session.tokenWanted.value;
  const [token, setToken] = useState("");
  const [remember, setRemember] = useState(false);
  if (why === undefined) return null;
  const give = (event: Event) => {
    event.preventDefault();
    const text = token.trim();
    if (text === "") return;
    setToken("");
    session.giveToken(text, { remember });
  };
  return (
    <Dialog title="This queen asks for a token">
      <form class="stack" onSubmit={give}>
        <p class="muted">
          The one that the queen was started with: <code>--token-file</code> or <code>HIVE_TOKEN</code>. This tab
          forgets it when it is closed, unless you say otherwise.
        </p>
        <TextField
          label="Token"
          type="password"
          value={token}
          onInput={setToken}
          autoComplete="current-password"
          isRequired
          wrong={why === "refused" ? "The queen refused the last one." : undefined}
        />
        <CheckField label="Remember on this device" isChecked={remember} onChange={setRemember} />
        <div class="row">
          <Button kind="primary" type="submit">
            Connect
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
