import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Button } from "./parts.tsx";

const SAID_MS = 2_000;

/** Puts `text` where it can be pasted, and says whether that worked: browsers refuse it to pages without TLS. */
export function CopyButton({ text, label = "Copy" }: { readonly text: string; readonly label?: string }): JSX.Element {
  const [outcome, setOutcome] = useState<"copied" | "refused">();
  useEffect(() => {
    if (outcome === undefined) return;
    const timer = setTimeout(() => setOutcome(undefined), SAID_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setOutcome("copied");
    } catch {
      setOutcome("refused");
    }
  };
  const words = { copied: "Copied", refused: "The browser refused: mark and copy it by hand" };
  return (
    <>
      <Button
        kind="quiet"
        isCompact
        icon={outcome === "copied" ? "check" : "copy"}
        label={label}
        onClick={() => void copy()}
      />
      <span class="small muted" role="status">
        {outcome !== undefined && words[outcome]}
      </span>
    </>
  );
}
