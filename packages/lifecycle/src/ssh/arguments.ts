import type { SshHost } from "../remote/machine.ts";

/** A machine that is on answers much sooner; one behind jump hosts takes some of it for each. */
const CONNECT_TIMEOUT_S = 10;
/** A connection that is silent for three of these is dead. */
const ALIVE_EVERY_S = 5;
const ALIVE_MISSES_MAX = 3;

/**
 * How ssh is told to reach a machine, without the host itself. It asks nobody anything, and what a user's configuration says of terminals,
 * forwarding and commands does not count: only a machine that takes a script is wanted.
 */
export function sshArguments(ssh: SshHost): readonly string[] {
  const { port, user, identity_file, proxy_jump, config_file, accept_new_host_key } = ssh;
  return [
    ...(config_file === undefined ? [] : ["-F", config_file]),
    "-T",
    ...option("BatchMode", "yes"),
    ...option("ConnectTimeout", CONNECT_TIMEOUT_S),
    ...option("ServerAliveInterval", ALIVE_EVERY_S),
    ...option("ServerAliveCountMax", ALIVE_MISSES_MAX),
    ...option("StrictHostKeyChecking", accept_new_host_key === true ? "accept-new" : "yes"),
    // A quiet ssh would not say why it failed.
    ...option("LogLevel", "INFO"),
    ...option("ClearAllForwardings", "yes"),
    ...option("ForwardAgent", "no"),
    ...option("ForwardX11", "no"),
    ...option("PermitLocalCommand", "no"),
    ...option("RemoteCommand", "none"),
    ...option("ControlPersist", "no"),
    ...(port === undefined ? [] : ["-p", String(port)]),
    ...(user === undefined ? [] : ["-l", user]),
    ...(identity_file === undefined ? [] : ["-i", identity_file, ...option("IdentitiesOnly", "yes")]),
    ...(proxy_jump === undefined ? [] : ["-J", proxy_jump]),
  ];
}

export const option = (name: string, value: string | number): readonly string[] => ["-o", `${name}=${value}`];

/**
 * What ssh may see of the queen's environment: its agent and its home, not her own settings and secrets. Its words are English, for they are
 * read; and where there is no terminal to ask at, it must not open a window either.
 */
export function sshEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const handed = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("HIVE_")));
  return { ...handed, LC_ALL: "C", SSH_ASKPASS_REQUIRE: "never" };
}
