import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import type { Environment } from "@hive-registry/command";
import { HiveError } from "@hive-registry/contract/errors";
import { readText, writePrivate } from "../files.ts";
import { LAUNCHD_LABEL, launchdPlist, type ServiceFacts, SYSTEMD_UNIT, systemdUnit } from "./texts.ts";

const CALL_LIMIT_MS = 45_000;
const SAID_BYTES_MAX = 4_096;

/** The user's service manager, as far as one hive needs it. */
export interface ServiceManager {
  /** Where it is told of the hive. */
  readonly file: string;
  isInstalled(): boolean;
  /** Installs the service as these facts say and starts it; one that is there is ended first. It comes back by itself from then on. */
  start(facts: ServiceFacts): Promise<void>;
  /** Ends it until it is started again, or the machine is. */
  stop(): Promise<void>;
  /** Ends it and forgets it. */
  remove(): Promise<void>;
  /** What a person should know, where a service of the user ends with the user's session. */
  readonly note?: string;
}

/** @throws {HiveError} `MACHINE_FAILED` from each when the manager says no, with what it said. */
export function serviceManager(env: Environment, platform: NodeJS.Platform = process.platform): ServiceManager {
  return platform === "darwin" ? launchd(env) : systemd(env);
}

function systemd(env: Environment): ServiceManager {
  const config = env.XDG_CONFIG_HOME;
  const folder = config !== undefined && isAbsolute(config) ? config : join(homedir(), ".config");
  const file = join(folder, "systemd", "user", SYSTEMD_UNIT);
  const runtime = env.XDG_RUNTIME_DIR ?? `/run/user/${userInfo().uid}`;
  // Sessions over SSH do not always have it, and without it there is no way to the user's manager.
  const call = (...args: string[]) =>
    callProgram("systemctl", ["--user", ...args], { ...env, XDG_RUNTIME_DIR: runtime });
  const isInstalled = (): boolean => existsSync(file);
  return {
    file,
    isInstalled,
    note:
      "systemd ends the services of a user who is not logged in, and starts them only at the login, unless the user lingers: " +
      "loginctl enable-linger",
    start: async (facts) => {
      mkdirSync(dirname(facts.log_file), { recursive: true, mode: 0o700 });
      const text = systemdUnit(facts);
      const isNew = !isInstalled();
      if (readText(file) !== text) writePrivate(file, text);
      try {
        await call("daemon-reload");
      } catch (error) {
        // Nobody took it, so nobody could be told to forget it either.
        if (isNew) rmSync(file, { force: true });
        throw error;
      }
      await call("enable", SYSTEMD_UNIT);
      await call("restart", SYSTEMD_UNIT);
    },
    stop: async () => {
      if (isInstalled()) await call("stop", SYSTEMD_UNIT);
    },
    remove: async () => {
      if (!isInstalled()) return;
      await call("disable", "--now", SYSTEMD_UNIT);
      rmSync(file, { force: true });
      await call("daemon-reload");
    },
  };
}

function launchd(env: Environment): ServiceManager {
  const file = join(homedir(), "Library", "LaunchAgents", `${LAUNCHD_LABEL}.plist`);
  const domain = `gui/${userInfo().uid}`;
  const call = (...args: string[]) => callProgram("launchctl", args, env);
  const isInstalled = (): boolean => existsSync(file);
  const isLoaded = async (): Promise<boolean> => {
    try {
      await call("print", `${domain}/${LAUNCHD_LABEL}`);
      return true;
    } catch {
      return false;
    }
  };
  const stop = async (): Promise<void> => {
    if (isInstalled() && (await isLoaded())) await call("bootout", `${domain}/${LAUNCHD_LABEL}`);
  };
  return {
    file,
    isInstalled,
    stop,
    start: async (facts) => {
      await stop();
      mkdirSync(dirname(facts.log_file), { recursive: true, mode: 0o700 });
      writePrivate(file, launchdPlist(facts));
      await call("bootstrap", domain, file);
    },
    remove: async () => {
      await stop();
      rmSync(file, { force: true });
    },
  };
}

/** Runs a program to its end. What it is given are arguments, never a shell's text. */
function callProgram(program: string, args: readonly string[], env: Environment): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env, timeout: CALL_LIMIT_MS });
    let said = "";
    const hear = (bytes: Buffer): void => {
      said = (said + bytes.toString("utf8")).slice(-SAID_BYTES_MAX);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    const failed = (reason: string): HiveError =>
      new HiveError("MACHINE_FAILED", `${program} ${args.join(" ")}: ${said.trim() || reason}`);
    child.on("error", (error: NodeJS.ErrnoException) =>
      reject(failed(error.code === "ENOENT" ? "it is not installed here" : error.message)),
    );
    child.on("close", (code, signal) => (code === 0 ? resolve() : reject(failed(`ended with ${signal ?? code}`))));
  });
}
