import type { Operation, OperationStarted } from "@hive-registry/contract";
import type { Catalog } from "../../catalog/index.ts";
import { type Answer, aHeartbeat, aQueen, type TestQueen } from "../../testing/a-queen.ts";
import { FakeComputer } from "./fake-computer.ts";

export const TOKEN = "the-token-of-the-fleet-0123456789";
/** How often the process looks around until something is so; nothing here waits for time. */
const TURNS_MAX = 10_000;

export interface QueenOverSsh {
  readonly queen: TestQueen;
  ask(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<Answer>;
  /** Begins an operation on `pc`, or what refuses it. */
  post(verb: string, body?: unknown): Promise<Answer & { readonly body: OperationStarted }>;
  /** The same, followed to its end. */
  done(verb: string, body?: unknown): Promise<Operation>;
  end(operationId: string): Promise<Operation>;
  stop(): Promise<void>;
}

/** A queen with a token whose machines are all this one computer; its hive is heard as soon as it starts. */
export async function aQueenOverSsh(
  options: { readonly computer?: FakeComputer; readonly catalog?: Catalog; readonly queenId?: string } = {},
): Promise<QueenOverSsh & { readonly computer: FakeComputer }> {
  const { computer = new FakeComputer(), queenId = "queen-1" } = options;
  const machines = { open: () => computer.open(), queenId: () => queenId, queenUrl: () => "http://10.0.0.1:7833" };
  const queen = await aQueen({
    token: TOKEN,
    machines,
    ...(options.catalog === undefined ? {} : { catalog: options.catalog }),
  });
  computer.onBoot = ({ boot_id }) => {
    queen.queen.receiveHeartbeat(
      aHeartbeat({ hive_id: computer.settings?.hive_id ?? "pc", boot_id, seq: 1, interval_ms: 5_000 }),
    );
  };
  const ask: QueenOverSsh["ask"] = (method, path, body) =>
    queen.ask(method, `/api/v1${path}`, body, { authorization: `Bearer ${TOKEN}` });
  const post: QueenOverSsh["post"] = async (verb, body) => {
    const answer = await ask("POST", `/catalog/hives/pc/${verb}`, body);
    return { ...answer, body: answer.body as OperationStarted };
  };
  const operation = async (id: string) => (await ask("GET", `/operations/${id}`)).body as Operation;
  const end: QueenOverSsh["end"] = async (id) => {
    for (let turns = 0; turns < TURNS_MAX; turns++) {
      const now = await operation(id);
      if (now.state !== "running") return now;
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error(`the operation does not end: ${JSON.stringify(await operation(id))}`);
  };
  return {
    queen,
    computer,
    ask,
    post,
    end,
    done: async (verb, body) => end((await post(verb, body)).body.operation_id),
    stop: () => queen.app.close(),
  };
}
