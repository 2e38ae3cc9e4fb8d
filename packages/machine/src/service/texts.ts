/** What a service manager is told of the hive. */
export interface ServiceFacts {
  /** Node, this program, and its words. */
  readonly command: readonly string[];
  /** No secret: whoever may read the file reads it. */
  readonly env: Readonly<Record<string, string>>;
  readonly log_file: string;
}

export const SYSTEMD_UNIT = "hive-registry.service";
export const LAUNCHD_LABEL = "hive-registry.hive";
/** A hive says goodbye to its queens and waits for its workers. */
const STOP_LIMIT_SECONDS = 30;
const RESTART_PAUSE_SECONDS = 2;

/** A unit of the user's systemd. Rules of quoting: systemd.service(5), "Command lines", and systemd.unit(5), "Specifiers". */
export function systemdUnit({ command, env, log_file }: ServiceFacts): string {
  return [
    "[Unit]",
    "Description=hive-registry: the hive of this machine",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    `ExecStart=${command.map(commandWord).join(" ")}`,
    ...Object.entries(env).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
    `StandardOutput=append:${specifiersKept(log_file)}`,
    `StandardError=append:${specifiersKept(log_file)}`,
    "Restart=always",
    `RestartSec=${RESTART_PAUSE_SECONDS}`,
    `TimeoutStopSec=${STOP_LIMIT_SECONDS}`,
    "",
    "[Install]",
    "WantedBy=default.target",
    "",
  ].join("\n");
}

/** In a command `$` begins a variable; elsewhere it is itself. */
const commandWord = (word: string): string => quoted(word).replaceAll("$", "$$$$");

function quoted(text: string): string {
  const escaped = specifiersKept(text)
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t");
  return `"${escaped}"`;
}

const specifiersKept = (text: string): string => text.replaceAll("%", "%%");

/** An agent of the user's launchd: launchd.plist(5). */
export function launchdPlist({ command, env, log_file }: ServiceFacts): string {
  const text = (value: string): string => `<string>${escapedXml(value)}</string>`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    "<dict>",
    `  <key>Label</key>${text(LAUNCHD_LABEL)}`,
    "  <key>ProgramArguments</key>",
    `  <array>${command.map(text).join("")}</array>`,
    "  <key>EnvironmentVariables</key>",
    `  <dict>${Object.entries(env)
      .map(([name, value]) => `<key>${escapedXml(name)}</key>${text(value)}`)
      .join("")}</dict>`,
    `  <key>StandardOutPath</key>${text(log_file)}`,
    `  <key>StandardErrorPath</key>${text(log_file)}`,
    "  <key>RunAtLoad</key><true/>",
    "  <key>KeepAlive</key><true/>",
    `  <key>ThrottleInterval</key><integer>${RESTART_PAUSE_SECONDS}</integer>`,
    `  <key>ExitTimeOut</key><integer>${STOP_LIMIT_SECONDS}</integer>`,
    "</dict>",
    "</plist>",
    "",
  ].join("\n");
}

const escapedXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
