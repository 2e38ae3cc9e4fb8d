import { ClientError } from "@hive-registry/client";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { useApi } from "./context.ts";

export interface Call<T> {
  /** The last answer; it stays while a newer one is asked for, and after a failure. */
  readonly value: T | undefined;
  /** Of the last try; undefined after one that succeeded. */
  readonly error: ClientError | undefined;
  readonly isLoading: boolean;
  /** Asks again now. */
  refresh(): void;
}

/**
 * Asks once, and again whenever `inputs` change or `everyMs` are over. An answer to earlier inputs is thrown away, and what
 * is under way is aborted. While the page is hidden, or a token is missing, it asks nothing again.
 */
export function useCall<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
  options: { readonly everyMs?: number } = {},
): Call<T> {
  const [state, setState] = useState<Omit<Call<T>, "refresh">>({ value: undefined, error: undefined, isLoading: true });
  const { session } = useApi();
  const latest = useRef(ask);
  latest.current = ask;
  const again = useRef<() => void>(() => undefined);

  useEffect(() => {
    const ending = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let asking = false;
    setState({ value: undefined, error: undefined, isLoading: true });

    const run = async () => {
      if (asking) return;
      clearTimeout(timer);
      asking = true;
      try {
        const value = await latest.current(ending.signal);
        if (!ending.signal.aborted) setState({ value, error: undefined, isLoading: false });
      } catch (thrown) {
        const error = asClientError(thrown);
        if (!ending.signal.aborted) setState(({ value }) => ({ value, error, isLoading: false }));
      } finally {
        asking = false;
        if (!ending.signal.aborted && options.everyMs !== undefined) timer = setTimeout(later, options.everyMs);
      }
    };
    const later = () => {
      const isOfUse = document.visibilityState === "visible" && session.tokenWanted.peek() === undefined;
      if (isOfUse) void run();
      else timer = setTimeout(later, options.everyMs);
    };
    again.current = () => void run();
    void run();
    return () => {
      clearTimeout(timer);
      ending.abort();
    };
  }, [...inputs, options.everyMs]);

  return { ...state, refresh: useCallback(() => again.current(), []) };
}

/** What failed otherwise is a defect of the page; it is shown like any other failure. */
export function asClientError(thrown: unknown): ClientError {
  if (thrown instanceof ClientError) return thrown;
  return new ClientError("INTERNAL", thrown instanceof Error ? thrown.message : String(thrown));
}
