import { randomBytes, randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { type Log, tokenCheck } from "@hive-registry/command";
import { HiveError, type StartWorker } from "@hive-registry/contract";
import { type Clock, repeat, systemClock, within } from "./clock.ts";
import type { Settings } from "./config/settings.ts";
import { placesIn } from "./config/state-dir.ts";
import type { Files } from "./devices/files.ts";
import { Machine } from "./devices/machine.ts";
import { startDevices } from "./devices/start-devices.ts";
import { Discovery, servesModels } from "./discovery/discovery.ts";
import { isThisMachine, listenersHere, portsHere } from "./discovery/here.ts";
import { systemProcesses } from "./discovery/processes.ts";
import type { Report } from "./heartbeat/changes.ts";
import type { Connect, Post } from "./heartbeat/connection.ts";
import { postJson } from "./heartbeat/post.ts";
import { QueenLink } from "./heartbeat/queen-link.ts";
import { ReachKeeper } from "./heartbeat/reach.ts";
import { relayUrlIn, reportOf } from "./heartbeat/report.ts";
import { connectWebSocket } from "./heartbeat/websocket.ts";
import { demandsToken } from "./http/guard.ts";
import { RELAY_PATH } from "./http/relay.ts";
import { createServer } from "./http/server.ts";
import { ModelLibrary } from "./models/library.ts";
import { metricsText } from "./observability/families.ts";
import { claimPidFile, releasePidFile, runningHive } from "./pid-file.ts";
import { VERSION } from "./version.ts";
import { DEMO_WORKER_ID, Demo, type DemoModel } from "./workers/demo.ts";
import type { Engine } from "./workers/engines/engine.ts";
import { httpServer } from "./workers/engines/http-server.ts";
import { llamaCpp } from "./workers/engines/llama-cpp.ts";
import { recognise, SERVER_ENGINES } from "./workers/engines/server-engines.ts";
import { Fleet } from "./workers/fleet.ts";
import { answersOk } from "./workers/health.ts";
import { readLogTail } from "./workers/log-file.ts";
import { dialable } from "./workers/supervised-worker.ts";
import { Supervisor } from "./workers/supervisor.ts";
import { REPORT_INTERVAL_MS, ToldByWorkers } from "./workers/told.ts";

const SAMPLE_PERIOD_MS = 5_000;
/** What is measured as a difference needs a first look soon. */
const FIRST_SAMPLE_MS = 1_000;
/** Workers are not started before it is known where they shall listen, but a queen that is away delays them no longer. */
const REACH_WAIT_MS = 3_000;
/** The first heartbeat waits so long for the devices, so that it can name them. */
const DEVICES_WAIT_MS = 500;
const WORKER_KEY_BYTES = 32;
const SERVER_CLOSE_LIMIT_MS = 1_000;
/** The demonstration model waits so long for what is found at the start. */
const FIRST_ROUND_LIMIT_MS = 1_500;

export interface HiveDeps {
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly connect?: Connect;
  readonly post?: Post;
  /** The system's files that tell of devices. */
  readonly files?: Files;
  readonly engines?: readonly Engine[];
  readonly ensureDemoModel?: (dir: string) => Promise<DemoModel>;
}

export interface HiveOptions extends Settings {
  readonly token: string | undefined;
  readonly samplePeriodMs?: number;
  readonly stopGraceMs?: number;
  readonly reportTtlMs?: number;
}

export interface RunningHive {
  /** Where its API is. */
  readonly url: string;
  readonly bootId: string;
  /** Resolves when somebody asked it to stop through its API. */
  readonly shutdownAsked: Promise<void>;
  /** Says goodbye to the queens, ends the workers, closes the API. Harmless when done twice. */
  stop(): Promise<void>;
  /** Ends the workers at once, for when there is no time. */
  kill(): void;
}

/**
 * Starts the agent of this machine.
 *
 * @throws {HiveError} `ALREADY_RUNNING` when a hive of this id runs from the same state folder; `MODEL_NOT_FOUND` and
 * `MODEL_INVALID` for the models it shall start with. The system's own error when the port is taken.
 */
export async function startHive(deps: HiveDeps, options: HiveOptions): Promise<RunningHive> {
  const { log } = deps;
  const clock = deps.clock ?? systemClock;
  const random = deps.random ?? Math.random;
  const bootId = randomUUID();
  const { token, fleetTokenSha256 } = options;
  // Who has a token of its own shows it to its queen alone: workers get a key that is worth nothing anywhere else.
  const workerKey = fleetTokenSha256 === undefined ? token : randomBytes(WORKER_KEY_BYTES).toString("base64url");
  const places = placesIn(options.stateDir, options.id);

  const already = runningHive(places.pidFile);
  if (already !== undefined) throw alreadyRuns(already.url, options.id);

  let askShutdown: () => void = () => {};
  const shutdownAsked = new Promise<void>((resolve) => {
    askShutdown = resolve;
  });

  const machine = new Machine(
    startDevices(
      { clock, random, log, ...(deps.files !== undefined && { files: deps.files }) },
      { nvidiaSmi: options.nvidiaSmi, periodMs: options.samplePeriodMs ?? SAMPLE_PERIOD_MS },
    ),
  );
  const reach = new ReachKeeper(
    clock,
    {
      queens: options.queens,
      advertise: options.advertise,
      token: workerKey,
      apiDemandsToken: demandsToken(options.listen),
    },
    { waitMs: REACH_WAIT_MS },
  );
  const told = new ToldByWorkers(clock);
  const links: QueenLink[] = [];
  const changed = (): void => {
    for (const link of links) link.changed();
  };

  const library = new ModelLibrary({ clock, log }, options.modelsDir);
  const app = createServer(
    {
      log,
      core: {
        hiveId: options.id,
        version: VERSION,
        machine: () => machine.info(),
        workers: () => fleet.list(),
        models: () => library.models(),
        startWorker: (request) => fleet.start(request),
        stopWorker: (workerId, how) => fleet.stop(workerId, how),
        workerLogs: async (workerId, tailBytes) => {
          const { managed } = fleet.get(workerId);
          if (!managed)
            throw new HiveError("NOT_MANAGED", `The worker ${workerId} was not started by this hive: it has its log`);
          return readLogTail(supervisor.logPath(workerId), tailBytes);
        },
        hear: (beat) => {
          fleet.hear(beat);
          return REPORT_INTERVAL_MS;
        },
        relay: (workerId) => {
          const { url, configured } = discovery.list().find(({ worker_id }) => worker_id === workerId) ?? {};
          return url === undefined || configured?.key === undefined ? undefined : { url, key: configured.key };
        },
        shutdown: () => askShutdown(),
        metrics: () => metricsText({ version: VERSION, machine: machine.info(), workers: fleet.list(), queens: links }),
      },
    },
    {
      listen: options.listen,
      isKnown: workerKey === undefined ? undefined : tokenCheck([token, workerKey], [fleetTokenSha256]),
      names: options.advertise === undefined ? [] : [options.advertise],
    },
  );
  let port: number;
  try {
    await app.listen({ port: options.port, host: options.listen });
    port = (app.server.address() as AddressInfo).port;
  } catch (error) {
    await machine.stop();
    throw error;
  }
  const localUrl = `http://${dialable(options.listen)}:${port}`;
  const other = claimPidFile(places.pidFile, {
    url: localUrl,
    hive_id: options.id,
    started_at_ms: Math.trunc(clock.wallMs()),
  });
  if (other !== undefined) {
    await Promise.all([app.close(), machine.stop()]);
    throw alreadyRuns(other.url, options.id);
  }

  const supervisor: Supervisor = new Supervisor(
    {
      clock,
      random,
      log,
      engines: deps.engines ?? [llamaCpp()],
      isHealthy: answersOk,
      device: (deviceId) => {
        const device = machine.devices().find(({ index }) => index === deviceId);
        if (device === undefined) return undefined;
        const { index, info, runtime_index } = device;
        return { index, backend: info.backend, uuid: info.uuid, ...(runtime_index !== undefined && { runtime_index }) };
      },
      slotsBusy: (workerId) => fleet.slotsBusy(workerId),
      onChange: () => {
        // Not before it is ready: a model that cannot be loaded must not leave the machine without any worker.
        if (supervisor.list().some(({ id, phase }) => id !== DEMO_WORKER_ID && phase === "ready")) demo.giveWay();
        changed();
      },
    },
    {
      modelsDir: options.modelsDir,
      logsDir: places.logsDir,
      pidsDir: places.workerPidsDir,
      workerPortStart: options.workerPortStart,
      hiveUrl: localUrl,
      ...(fleetTokenSha256 !== undefined && { fleetTokenSha256 }),
      ...(options.stopGraceMs !== undefined && { stopGraceMs: options.stopGraceMs }),
    },
  );
  const exposure = async () => (await reach.decide()).exposure;
  const demo = new Demo({
    log,
    supervisor,
    exposure,
    othersKnown: () => within(clock, FIRST_ROUND_LIMIT_MS, discovery.firstRound),
    ...(deps.ensureDemoModel !== undefined && { ensureModel: deps.ensureDemoModel }),
  });
  const discovery = new Discovery(
    {
      ...{ clock, log, recognise, engines: SERVER_ENGINES, processes: systemProcesses, listeners: listenersHere() },
      connect: (url, key) => httpServer(url, { key }),
      isHere: isThisMachine,
      ownPorts: () => portsHere([localUrl, ...options.queens]),
      ownPids: () => new Set(supervisor.list().flatMap(({ pid }) => pid ?? [])),
      announcedPorts: () => portsHere(told.reported().flatMap(({ beat }) => beat.url ?? [])),
      onChange: () => {
        if (discovery.list().some(servesModels)) demo.giveWay();
        changed();
      },
    },
    { discover: options.discover, configured: options.servers, probeEveryMs: options.probeIntervalMs },
  );
  const isOpen = demandsToken(options.listen);
  const about = { hive_id: options.id, version: VERSION, localUrl, isOpen, labels: options.labels };
  const fleet: Fleet = new Fleet(
    {
      ...{ clock, log, machine, supervisor, told, exposure },
      found: () => discovery.list(),
      relayUrl: () => relayUrlIn(reach.current(), about, RELAY_PATH),
      reach: () => reach.current(),
      onChange: changed,
      onAnnounced: () => demo.giveWay(),
    },
    options.reportTtlMs === undefined ? {} : { reportTtlMs: options.reportTtlMs },
  );

  const report = (): Report => reportOf({ machine, fleet, reach: () => reach.current() }, about);
  for (const url of options.queens) {
    // One count for each queen: what another one got is no loss of this one's.
    let seq = 0;
    links.push(
      new QueenLink(
        {
          ...{ clock, random, log, report },
          connect: deps.connect ?? connectWebSocket,
          post: deps.post ?? postJson,
          nextSeq: () => ++seq,
          onRoute: (route) => {
            reach.sawRoute(url, route);
            changed();
          },
        },
        { url, hive_id: options.id, boot_id: bootId, token },
      ),
    );
  }

  const samplePeriodMs = options.samplePeriodMs ?? SAMPLE_PERIOD_MS;
  const sample = (): Promise<void> =>
    fleet.sample().catch((error: unknown) => log.warn({ err: error }, "a sample failed"));
  let endSampling: () => void = () => {};
  let stopping: Promise<void> | undefined;

  async function stop(): Promise<void> {
    endSampling();
    discovery.stop();
    log.info("stopping");
    // First the goodbye, so that nobody is sent to workers that are about to end.
    await Promise.all(links.map((link) => link.stop()));
    await supervisor.stopAll();
    await Promise.all([within(clock, SERVER_CLOSE_LIMIT_MS, app.close()), machine.stop()]);
    releasePidFile(places.pidFile);
    log.info("stopped");
  }
  const running: RunningHive = {
    url: localUrl,
    bootId,
    shutdownAsked,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
    kill: () => supervisor.killAll(),
  };

  try {
    await supervisor.endOrphans();
    discovery.start();
    await within(clock, DEVICES_WAIT_MS, machine.settled());
    for (const link of links) link.start();
    const pace = { firstMs: Math.min(FIRST_SAMPLE_MS, samplePeriodMs), periodMs: samplePeriodMs };
    endSampling = repeat(clock, pace, sample);
    await startFirstWorkers();
  } catch (error) {
    await running.stop();
    throw error;
  }
  if (reach.current().lacksToken) warnOfMissingToken(log);
  return running;

  async function startFirstWorkers(): Promise<void> {
    for (const model of options.models) {
      const request: StartWorker = { model };
      await fleet.start(request);
    }
    if (options.demo && options.models.length === 0) void demo.begin(places.modelsDir);
  }
}

const alreadyRuns = (url: string, id: string): HiveError =>
  new HiveError("ALREADY_RUNNING", `The hive ${id} runs already, at ${url}`, { details: { url } });

function warnOfMissingToken(log: Log): void {
  log.warn(
    "the queen is on another machine, but this hive has no token that its workers could demand: they stay on loopback and " +
      "their URLs are not advertised. Set HIVE_TOKEN or --token-file to the fleet's token",
  );
}
