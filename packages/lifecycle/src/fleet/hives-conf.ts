import { compile, type MachineAdd, MachineAddSchema, type Validator } from "@hive-registry/contract";
import { MACHINE_ID_PATTERN } from "@hive-registry/contract/names";
import SSHConfig, { type Directive } from "ssh-config";

/** A machine as `hives.conf` wants it. */
export interface WantedMachine {
  /** Its name in the file, which is its hive's id. */
  readonly id: string;
  readonly machine: MachineAdd;
  /** Where it stands: `hives.conf:12`. */
  readonly place: string;
}

/** Larger files than any fleet of {@link MACHINES_MAX} needs are refused. */
export const HIVES_CONF_CHARS_MAX = 4_194_304;
export const MACHINES_MAX = 10_000;

/** What the file says cannot be done. The message begins with file and line, and says what to write instead. */
export class HivesConfError extends Error {
  constructor(place: string, message: string) {
    super(`${place}: ${message}`);
    this.name = "HivesConfError";
  }
}

/** Each key in small letters, as it is written, and where it leads. */
const KEYS = {
  hostname: { name: "HostName", path: "/ssh/host" },
  user: { name: "User", path: "/ssh/user" },
  port: { name: "Port", path: "/ssh/port" },
  identityfile: { name: "IdentityFile", path: "/ssh/identity_file" },
  proxyjump: { name: "ProxyJump", path: "/ssh/proxy_jump" },
  hiveport: { name: "HivePort", path: "/port" },
  labels: { name: "Labels", path: "/labels" },
} as const;
type Key = keyof typeof KEYS;

const KNOWN = Object.values(KEYS).map(({ name }) => name);

interface Setting {
  readonly words: readonly string[];
  readonly place: string;
}

/** The lines below one `Host`, or those that hold for all. */
interface Section {
  readonly place: string;
  readonly aliases: readonly string[];
  readonly settings: Map<Key, Setting>;
}

let validator: Validator<MachineAdd> | undefined;

/**
 * Reads `hives.conf`: the form of ssh's own configuration, with the keys of {@link KEYS}. `Host *`, and what stands before the first `Host`,
 * hold for every machine that does not say otherwise, wherever they stand; of labels, for each key by itself. What would be passed over
 * silently (a key that is not known, `Match`, a pattern, a value given twice) is refused instead.
 *
 * @param file how it is called in messages.
 * @throws {HivesConfError}
 */
export function parseHivesConf(text: string, file: string): WantedMachine[] {
  if (text.length > HIVES_CONF_CHARS_MAX) {
    throw new HivesConfError(
      file,
      `longer than ${HIVES_CONF_CHARS_MAX} characters. Split the fleet into several files.`,
    );
  }
  const { defaults, sections } = sectionsOf(text, file);
  const first = new Map<string, string>();
  const machines: WantedMachine[] = [];
  for (const section of sections) {
    for (const id of section.aliases) {
      const before = first.get(id);
      if (before !== undefined) {
        throw new HivesConfError(section.place, `Host ${id} stands at ${before} already. Keep one of the two.`);
      }
      first.set(id, section.place);
      if (machines.length >= MACHINES_MAX) {
        throw new HivesConfError(
          section.place,
          `more than ${MACHINES_MAX} machines. Split the fleet into several files.`,
        );
      }
      machines.push(machineOf(id, section, defaults));
    }
  }
  return machines;
}

function sectionsOf(text: string, file: string): { defaults: Section; sections: Section[] } {
  const defaults: Section = { place: file, aliases: [], settings: new Map() };
  const sections: Section[] = [];
  let section = defaults;
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  // Line by line: the parser does not tell where what it found stands, and takes a key without a value together with the next line.
  for (const [at, line] of lines.entries()) {
    const place = `${file}:${at + 1}`;
    const directive = directiveIn(line, place);
    if (directive === undefined) continue;
    const key = directive.param.toLowerCase();
    const words = wordsOf(directive, line, place);
    if (key === "host") {
      section = isForAll(words) ? defaults : { place, aliases: aliasesOf(words, place), settings: new Map() };
      if (section !== defaults) sections.push(section);
    } else {
      set(section, keyOf(key, directive.param, place), { words, place }, section === defaults);
    }
  }
  return { defaults, sections };
}

function directiveIn(line: string, place: string): Directive | undefined {
  try {
    const directive = SSHConfig.parse(line).find((one) => "param" in one) as Directive | undefined;
    return directive?.param === "" ? undefined : directive;
  } catch {
    if (!/["\\]/.test(line)) throw new HivesConfError(place, "a key without a value. Write: Key value");
    throw new HivesConfError(place, OPEN_QUOTE);
  }
}

function wordsOf({ param, value }: Directive, line: string, place: string): string[] {
  const words =
    param.toLowerCase() === "labels"
      ? labelWords(line, place)
      : typeof value === "string"
        ? [value]
        : value.map(({ val }) => val);
  if (words.some((word) => word !== "")) return words;
  throw new HivesConfError(place, `${param} has no value. Write one, or remove the line.`);
}

/** Of a key that ssh does not know, the parser takes the quotes of several words for one pair, and a # in quotes for a comment. */
function labelWords(line: string, place: string): string[] {
  const words: string[] = [];
  let rest = line.replace(/^\s*labels\s*=?\s*/i, "");
  while (rest !== "" && !rest.startsWith("#")) {
    const word = LABEL_WORD.exec(rest)?.[0];
    if (word === undefined) throw new HivesConfError(place, OPEN_QUOTE);
    words.push(word.replaceAll('"', ""));
    rest = rest.slice(word.length).trimStart();
  }
  return words;
}

/** `zone=eu`, `"owner=ada l."`, `owner="ada l."`. */
const LABEL_WORD = /^(?:"[^"]*"|[^\s"])+/;
const OPEN_QUOTE = "a quotation mark that is not closed. Close it on the same line.";

const isForAll = (words: readonly string[]): boolean => words.length === 1 && words[0] === "*";

function aliasesOf(words: readonly string[], place: string): readonly string[] {
  for (const word of words) {
    if (/[*?!]/.test(word)) {
      throw new HivesConfError(
        place,
        `Host ${word} is a pattern. Name each machine by itself; only a lone \`Host *\` holds for all.`,
      );
    }
    if (!new RegExp(MACHINE_ID_PATTERN, "u").test(word)) {
      throw new HivesConfError(
        place,
        `Host ${word} cannot be a hive's id (letters, digits, dot, dash, underscore; at most 63). Give it a name, and the address as HostName.`,
      );
    }
  }
  return words;
}

function keyOf(key: string, written: string, place: string): Key {
  if (Object.hasOwn(KEYS, key)) return key as Key;
  if (key === "match" || key === "include") {
    throw new HivesConfError(place, `${written} is not read here. Write each machine as a Host in this file.`);
  }
  throw new HivesConfError(
    place,
    `${written} is not known here (${KNOWN.join(", ")}). What only ssh needs belongs into ~/.ssh/config.`,
  );
}

function set(section: Section, key: Key, setting: Setting, forAll: boolean): void {
  const { place, words } = setting;
  const { name } = KEYS[key];
  if (key === "hostname" && forAll) {
    throw new HivesConfError(
      place,
      "HostName for all machines would make them one. Write it below the machine's Host.",
    );
  }
  if (key === "hostname" && section.aliases.length > 1) {
    throw new HivesConfError(
      place,
      `HostName for ${section.aliases.join(" and ")} would make them one. Give each a Host of its own.`,
    );
  }
  const before = section.settings.get(key);
  if (before === undefined) {
    section.settings.set(key, setting);
    return;
  }
  if (key !== "labels") {
    throw new HivesConfError(place, `${name} stands at ${before.place} already. Keep one of the two.`);
  }
  section.settings.set(key, { words: [...before.words, ...words], place });
}

function machineOf(id: string, section: Section, defaults: Section): WantedMachine {
  const setting = (key: Key) => section.settings.get(key) ?? defaults.settings.get(key);
  const text = (key: Key) => setting(key)?.words.join(" ");
  const labels = { ...labelsOf(defaults.settings.get("labels")), ...labelsOf(section.settings.get("labels")) };
  const [user, port] = [text("user"), setting("port")];
  const [identityFile, proxyJump, hivePort] = [text("identityfile"), text("proxyjump"), setting("hiveport")];
  const machine: MachineAdd = {
    ssh: {
      host: text("hostname") ?? id,
      ...(port === undefined ? {} : { port: numberIn(port, "Port") }),
      ...(user === undefined ? {} : { user }),
      ...(identityFile === undefined ? {} : { identity_file: identityFile }),
      ...(proxyJump === undefined ? {} : { proxy_jump: proxyJump }),
    },
    ...(hivePort === undefined ? {} : { port: numberIn(hivePort, "HivePort") }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
  };
  validator ??= compile(MachineAddSchema);
  const [fault] = validator.errors(machine);
  if (fault !== undefined) throw refusal(fault, id, section, setting);
  return { id, machine, place: section.place };
}

function numberIn({ words, place }: Setting, name: string): number {
  const text = words.join(" ");
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new HivesConfError(place, `${name} ${text} is no port. Write a number up to 65535.`);
}

function labelsOf(setting: Setting | undefined): Record<string, string> {
  const labels = (setting?.words ?? []).map((word) => {
    const at = word.indexOf("=");
    if (at > 0) return [word.slice(0, at), word.slice(at + 1)] as const;
    throw new HivesConfError(
      setting?.place ?? "",
      `the label ${word} has no value. Write Labels key=value, several with spaces between.`,
    );
  });
  return Object.fromEntries(labels);
}

/** The contract's own words for what it does not take, at the line that said it. */
function refusal(
  fault: { readonly path: string; readonly message: string },
  id: string,
  section: Section,
  setting: (key: Key) => Setting | undefined,
): HivesConfError {
  const keys = Object.keys(KEYS) as Key[];
  const key = keys.find((one) => fault.path.startsWith(KEYS[one].path)) ?? "hostname";
  const found = setting(key);
  const shown = found === undefined ? `Host ${id}` : `${KEYS[key].name} ${found.words.join(" ")}`;
  return new HivesConfError(found?.place ?? section.place, `${shown} is not allowed: it ${fault.message}.`);
}
