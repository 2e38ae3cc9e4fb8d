import type { ClientError, HiveClient, Operation } from "@hive-registry/client";
import { useEffect, useState } from "preact/hooks";
import { asClientError } from "../app/use-call.ts";

/** An operation as it goes on. `error`: nothing more will be heard of it here; the operation itself may go on. */
export function useOperation(
  client: HiveClient,
  operationId: string,
): { readonly operation: Operation | undefined; readonly error: ClientError | undefined } {
  const [operation, setOperation] = useState<Operation>();
  const [error, setError] = useState<ClientError>();
  useEffect(() => {
    const ending = new AbortController();
    const follow = async () => {
      try {
        for await (const one of client.followOperation(operationId, { signal: ending.signal })) {
          setOperation(one);
          setError(undefined);
        }
      } catch (thrown) {
        if (!ending.signal.aborted) setError(asClientError(thrown));
      }
    };
    void follow();
    return () => ending.abort();
  }, [client, operationId]);
  return { operation, error };
}
