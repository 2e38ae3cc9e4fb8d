import type { HeartbeatReply, HiveHeartbeatPayload, WorkerInfo } from "@hive-registry/contract";
import { onTestFinished } from "vitest";
import { FakeClock } from "../../testing/fake-clock.ts";
import { aLog } from "../../testing/silent-log.ts";
import type { Report } from "../changes.ts";
import type { Closed, Connect, ConnectionEvents, Posted } from "../connection.ts";
import { QueenLink } from "../queen-link.ts";
import { type Beat, isFull } from "./fake-queen.ts";

export const aWorker = (part: Partial<WorkerInfo> = {}): WorkerInfo => ({
  worker_id: "w",
  state: "Idle",
  last_heartbeat: "2026-11-01T00:00:00.000Z",
  health_status: "healthy",
  ...part,
});

export const aReport = (part: Partial<Report> = {}): Report => ({
  hive_id: "desk",
  workers: [aWorker()],
  devices: [],
  ram_total_bytes: 32e9,
  ram_available_bytes: 20e9,
  cpu_percent: 10,
  ...part,
});

/** A connection whose other end is the test. */
export class FakeConnection {
  readonly sent: Beat[] = [];
  readonly events: ConnectionEvents;
  readonly headers: Readonly<Record<string, string>>;
  readonly url: string;
  buffered = 0;
  pings = 0;
  closed = false;

  constructor(url: string, headers: Readonly<Record<string, string>>, events: ConnectionEvents) {
    this.url = url;
    this.headers = headers;
    this.events = events;
  }

  get fulls(): HiveHeartbeatPayload[] {
    return this.sent.filter(isFull);
  }
  get kinds(): string {
    return this.sent.map((beat) => (isFull(beat) ? "F" : "l")).join("");
  }

  open(): void {
    this.events.opened({ local_address: "10.0.0.5", remote_address: "10.0.0.1" });
  }
  reply(reply: Partial<HeartbeatReply> = {}): void {
    this.events.message(JSON.stringify({ accepted: true, next_heartbeat_ms: 5_000, ...reply }));
  }
  end(why: Closed = { kind: "ended", message: "closed with 1006" }): void {
    if (this.closed) return;
    this.closed = true;
    this.events.closed(why);
  }
}

/** A link to a queen that the test plays, on a clock that the test moves. `random` 0.5 means no jitter at all. */
export function aLink(part: { readonly token?: string; readonly random?: () => number; readonly url?: string } = {}) {
  const clock = new FakeClock();
  const { log, said, messages } = aLog();
  const connections: FakeConnection[] = [];
  const posts: { url: string; beat: Beat; answer: (posted: Posted) => void }[] = [];
  let report = aReport();
  let seq = 0;
  const connect: Connect = (url, headers, events) => {
    const connection = new FakeConnection(url, headers, events);
    connections.push(connection);
    return {
      send: (text) => void connection.sent.push(JSON.parse(text) as Beat),
      ping: () => {
        connection.pings++;
      },
      bufferedBytes: () => connection.buffered,
      close: () => queueMicrotask(() => connection.end()),
      terminate: () => queueMicrotask(() => connection.end()),
    };
  };
  const routes: string[] = [];
  const link = new QueenLink(
    {
      ...{ clock, log, connect },
      random: part.random ?? (() => 0.5),
      post: (url, _headers, body) =>
        new Promise((resolve) => posts.push({ url, beat: JSON.parse(body) as Beat, answer: resolve })),
      report: () => report,
      nextSeq: () => ++seq,
      onRoute: (route) => void routes.push(route.local_address),
    },
    { url: part.url ?? "http://queen:7833", hive_id: "desk", boot_id: "boot-1", token: part.token },
  );
  onTestFinished(() => void link.stop());
  link.start();
  return {
    ...{ link, clock, connections, posts, said, messages, routes },
    last: () => connections.at(-1) as FakeConnection,
    setReport: (next: Report): void => {
      report = next;
    },
  };
}
