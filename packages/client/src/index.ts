// Who calls a queen handles what travels: one import is enough.
export type {
  CatalogPut,
  CatalogRecord,
  ChoiceList,
  ChoicesQuery,
  EventLevel,
  EventList,
  EventsQuery,
  EvictReply,
  FleetEvent,
  FleetEventType,
  FleetTelemetry,
  HeartbeatReply,
  HeldPlaces,
  HeldPlacesQuery,
  HiveDetail,
  HiveList,
  HiveQuery,
  HivesQuery,
  HivesTelemetry,
  HivesTelemetryQuery,
  HiveTelemetry,
  Installed,
  MachineAdd,
  MachineInfo,
  ManagedWorker,
  Operation,
  OperationKind,
  OperationStarted,
  OperationState,
  PlaceWorker,
  RecentChoice,
  ReservationReply,
  ReserveBody,
  RouteReply,
  SshTarget,
  StartWorker,
  StatsReply,
  StopWorkerQuery,
  TelemetryQuery,
  ThawReply,
  WatchQuery,
  WorkerHeartbeat,
  WorkerList,
  WorkerPhase,
  WorkerPlaced,
  WorkersQuery,
} from "@hive-registry/contract";
export type {
  Candidate,
  DeviceInfo,
  Explanation,
  HiveHeartbeatPayload,
  HiveLease,
  HiveRuntimeState,
  HiveStatus,
  HiveWorker,
  ModelSummary,
  Outcome,
  Policy,
  Reason,
  RegistryEvent,
  RegistrySnapshot,
  ReserveRequest,
  ResourceInfo,
  WorkerInfo,
} from "hive-registry";
export {
  CHAT_EVENT_CHARS_MAX,
  CHAT_HEAD_MS,
  CHAT_IDLE_MS,
  type ChatDelta,
  type ChatMessage,
  type ChatRequest,
  type ChatUsage,
  chat,
} from "./chat.ts";
export { BAD_REPLY, ClientError, STREAM_CUT } from "./errors.ts";
export type { FollowEventsOptions } from "./event-stream.ts";
export { READ_AHEAD_BYTES } from "./fleet/answer.ts";
export { TRIES_MAX } from "./fleet/direct.ts";
export { connect, type Fleet, type FleetOptions, type OpenAIOptions, WAIT_DEFAULT_MS } from "./fleet/fleet.ts";
export { UNHEARD_KEPT_MS } from "./fleet/mirror.ts";
export { BODY_BYTES_MAX } from "./fleet/payload.ts";
export { type Place, WAITING_MAX, type WaitOptions } from "./fleet/places.ts";
export type { QueenNews } from "./fleet/queen-link.ts";
export type { FleetRequestInit } from "./fleet/request.ts";
export type { Wishes } from "./fleet/wishes.ts";
export { type Following, type FollowOptions, follow, type Replica } from "./follow.ts";
export { HiveAgentClient } from "./hive-agent-client.ts";
export { FOLLOW_BACKOFF, FOLLOW_IDLE_MS, FOLLOW_TRIES_MAX, type FollowOperationOptions } from "./operation-stream.ts";
export { type ExplainRequest, HiveClient, type HiveClientOptions } from "./queen-client.ts";
export { EVENT_CHARS_MAX, type ServerSentEvent, SseParser } from "./sse.ts";
export { type CallOptions, type Fetch, GET_TRIES, TIMEOUT_DEFAULT_MS, type TransportOptions } from "./transport.ts";
export { WATCH_BACKOFF, WATCH_IDLE_MS, type WatchOptions } from "./watch.ts";
