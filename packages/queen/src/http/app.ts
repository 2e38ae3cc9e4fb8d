import { createServer } from "node:http";
import { hostname } from "node:os";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import websocket from "@fastify/websocket";
import { HEARTBEAT_BYTES_MAX } from "@hive-registry/contract";
import fastify, { type FastifyBaseLogger, LogController } from "fastify";
import { HiveOperations } from "../core/hive-operations.ts";
import type { LocalHives } from "../core/local-hives.ts";
import { Operations } from "../core/operations.ts";
import type { Queen } from "../core/queen.ts";
import type { WebhookCounts } from "../events/webhook.ts";
import { gatewayPaths } from "../gateway/openapi.ts";
import type { GatewayStats } from "../gateway/stats.ts";
import { Lifecycle } from "../machines/lifecycle.ts";
import { MachineOperations, type Machines, noMachines } from "../machines/machine-operations.ts";
import { openMetrics } from "../observability/metrics.ts";
import type { MetricsLimits } from "../observability/reading.ts";
import { VERSION } from "../version.ts";
import { guardOf, senderOf } from "./auth.ts";
import { corsDoor } from "./cors.ts";
import { dashboardRoutes } from "./dashboard-routes.ts";
import type { Door } from "./door.ts";
import { eventRoutes } from "./event-routes.ts";
import { answerFailures, answerNoise, answerUnreadable } from "./failures.ts";
import { heartbeatDoor, heartbeatTaker } from "./heartbeat-door.ts";
import { heartbeatRoutes } from "./heartbeat-routes.ts";
import { livenessRoutes } from "./liveness-routes.ts";
import { operationRoutes } from "./operation-routes.ts";
import { placementRoutes } from "./placement-routes.ts";
import { requestIds } from "./request-ids.ts";
import { catalogRoutes, healthRoutes, registryRoutes, routingRoutes } from "./routes.ts";
import { stopDoor } from "./stop-door.ts";
import { telemetryRoutes } from "./telemetry-routes.ts";
import type { App } from "./typed-app.ts";
import { validatorCompiler } from "./validation.ts";
import { watchRoute } from "./watch-route.ts";

/** Largest body of any route but the heartbeat's, bytes. */
const BODY_BYTES_MAX = 262_144;
const PARAM_LENGTH_MAX = 1_024;
/** Longer than the 60 s after which most load balancers let go of a quiet connection: the queen is never the first. */
const KEEP_ALIVE_MS = 72_000;

export type { Door };

export interface AppOptions {
  /** Every route but /healthz and the page's files then asks for it. */
  readonly token?: string;
  /** Folder of the page that `/` answers with. */
  readonly dashboard?: string;
  readonly metrics?: MetricsLimits;
}

/** The queen on HTTP: routes, documents, guards. It does not listen yet. */
export async function buildApp(
  deps: {
    readonly queen: Queen;
    readonly local: LocalHives;
    readonly machines?: Machines;
    readonly log: FastifyBaseLogger;
    /** Asked before all others but the one for browsers, also while the queen stops. */
    readonly doors?: readonly Door[];
    readonly nextRequestId?: () => string;
    readonly gatewayStats?: GatewayStats;
    readonly webhook?: WebhookCounts | undefined;
  },
  options: AppOptions = {},
): Promise<App> {
  const { queen, local, log, nextRequestId = requestIds() } = deps;
  const guard = guardOf(options.token, queen.joinTokens);
  const sender = senderOf(options.token, queen.joinTokens);
  const take = heartbeatTaker({ queen, senderOf: sender, log, nextRequestId });
  const stop = stopDoor({ nextRequestId });
  const doors = [
    corsDoor({ anySite: options.token !== undefined }),
    ...(deps.doors ?? []),
    stop.door,
    heartbeatDoor(take),
  ];
  const app: App = fastify({
    loggerInstance: log,
    serverFactory: (routes) =>
      createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
        if (!doors.some((door) => door(request, response))) routes(request, response);
      }),
    // A line for each heartbeat would be most of the work; failures are logged where they happen.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    forceCloseConnections: "idle",
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: nextRequestId,
    frameworkErrors: answerUnreadable,
    clientErrorHandler: answerNoise,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  // What the core hands out is what travels; the schemas describe it and need not copy it.
  app.setSerializerCompiler(() => JSON.stringify);
  app.removeContentTypeParser("text/plain");
  answerFailures(app);
  app.addHook("onRequest", (request, _reply, done) => done(guard(request)));
  await app.register(swagger, { openapi: openapi(options) });
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true });
  await app.register(websocket, { options: { maxPayload: HEARTBEAT_BYTES_MAX, perMessageDeflate: false } });

  await dashboardRoutes(app, options.dashboard);
  app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
  heartbeatRoutes(app, { queen, take, senderOf: sender, log });
  registryRoutes(app, queen);
  livenessRoutes(app, queen);
  routingRoutes(app, queen);
  placementRoutes(app, queen.placements);
  catalogRoutes(app, queen);
  const operations = new Operations({
    ...{ clock: queen.clock, log, catalog: queen.catalog },
    onNews: (operation) => queen.eventFeed.operation(operation),
  });
  const here = new HiveOperations({ queen, local, operations }, { hostname: hostname() });
  const there = new MachineOperations({ queen, operations, machines: deps.machines ?? noMachines }, options);
  operationRoutes(app, {
    operations,
    clock: queen.clock,
    hives: new Lifecycle({ queen, here, there }),
  });
  const metrics = openMetrics({ queen, gateway: deps.gatewayStats, webhook: deps.webhook }, options.metrics);
  app.addHook("onClose", async () => metrics.stop());
  healthRoutes(app, queen, metrics.page);
  telemetryRoutes(app, queen);
  const endEvents = eventRoutes(app, queen);
  const endStreams = watchRoute(app, queen);
  app.addHook("preClose", async () => {
    stop.begin();
    await operations.stop();
    endEvents();
    endStreams();
  });
  return app;
}

const openapi = (options: AppOptions) => ({
  openapi: "3.1.0",
  info: {
    title: "hive-registry queen",
    version: VERSION,
    description: "Knows every hive and every worker of a fleet, and which worker is best for a model.",
    license: { name: "MIT" },
  },
  paths: gatewayPaths(),
  tags: [
    { name: "inference", description: "OpenAI's and Anthropic's paths, passed on to workers" },
    { name: "heartbeats", description: "Hives tell what runs on their machines" },
    { name: "registry", description: "What runs now" },
    { name: "workers", description: "Start and end workers where there is room" },
    { name: "routing", description: "Who should serve a request" },
    { name: "catalog", description: "Configuration that survives restarts" },
    { name: "lifecycle", description: "Start and stop hives" },
    { name: "health", description: "For programs that watch over the queen" },
  ],
  components: { securitySchemes: { token: { type: "http" as const, scheme: "bearer" } } },
  ...(options.token === undefined ? {} : { security: [{ token: [] }] }),
});
