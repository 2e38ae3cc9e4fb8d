import { describe, expect, test } from "vitest";
import { HIVES_CONF_CHARS_MAX, MACHINES_MAX, parseHivesConf } from "./hives-conf.ts";

const read = (...lines: string[]) => parseHivesConf(lines.join("\n"), "hives.conf");
const machines = (...lines: string[]) => Object.fromEntries(read(...lines).map(({ id, machine }) => [id, machine]));

describe("hives.conf", () => {
  test("a name alone is a machine, reached as ssh's own configuration says", () => {
    expect(read("# the rack", "", "Host attic")).toEqual([
      { id: "attic", machine: { ssh: { host: "attic" } }, place: "hives.conf:3" },
    ]);
  });

  test("each key leads to its field", () => {
    expect(
      machines(
        ...["Host attic", "  HostName 10.0.0.5", "  User ada", "  Port 2222", "  IdentityFile ~/.ssh/hive"],
        ...["  ProxyJump gate,ada@inner:22", "  HivePort 7900", "  Labels room=attic tier=spot"],
      ),
    ).toEqual({
      attic: {
        ssh: {
          ...{ host: "10.0.0.5", port: 2222, user: "ada" },
          ...{ identity_file: "~/.ssh/hive", proxy_jump: "gate,ada@inner:22" },
        },
        port: 7900,
        labels: { room: "attic", tier: "spot" },
      },
    });
  });

  test("keys are written in any case, with a space or =, with comments behind and quotes around", () => {
    expect(
      machines(
        ...["HOST = attic # upstairs", 'hostname="10.0.0.5"', "\tUSER\tada   # who", 'IDENTITYFILE "my keys/hive"'],
        ...['labels = "owner=ada l." note="a # b" zone=eu#1 # the rest', "LABELS tier=spot\r"],
      ),
    ).toEqual({
      attic: {
        ssh: { host: "10.0.0.5", user: "ada", identity_file: "my keys/hive" },
        labels: { owner: "ada l.", note: "a # b", zone: "eu#1", tier: "spot" },
      },
    });
  });

  test("several names on one line are several machines", () => {
    expect(Object.keys(machines("Host rack-1 rack-2 rack-3", "User ada"))).toEqual(["rack-1", "rack-2", "rack-3"]);
  });

  test("what holds for all gives way to what a machine says, wherever it stands; labels key by key", () => {
    const all = ["Host *", "User ada", "HivePort 7900", "Labels zone=eu tier=spot"];
    const one = ["Host attic", "User eve", "Labels tier=owned"];
    const attic = { ssh: { host: "attic", user: "eve" }, port: 7900, labels: { zone: "eu", tier: "owned" } };
    expect(machines(...all, ...one)).toEqual({ attic });
    expect(machines(...one, ...all)).toEqual({ attic });
    expect(machines("User ada", "Host attic").attic).toEqual({ ssh: { host: "attic", user: "ada" } });
  });

  test("nothing but comments is no machine", () => {
    expect(read("", "# none yet", "   ")).toEqual([]);
  });

  test.each([
    ["a key that is not known", ["Host a", "  ForwardAgent yes"], "hives.conf:2: ForwardAgent is not known here"],
    ["a mistyped key", ["Host a", "HostNme b"], "hives.conf:2: HostNme is not known here (HostName, User, Port,"],
    ["a key that an object has anyway", ["Host a", "constructor b"], "hives.conf:2: constructor is not known"],
    ["Match", ["Match host a", "User b"], "hives.conf:1: Match is not read here. Write each machine as a Host"],
    ["Include", ["Host a", "Include more.conf"], "hives.conf:2: Include is not read here"],
    ["a pattern", ["Host rack-*"], "hives.conf:1: Host rack-* is a pattern. Name each machine"],
    ["an exception", ["Host * !attic"], "hives.conf:1: Host * is a pattern"],
    ["a name that is no id", ["Host 2001:db8::1"], "Give it a name, and the address as HostName"],
    ["the same name again", ["Host a", "Host b", "Host a"], "hives.conf:3: Host a stands at hives.conf:1 already"],
    ["the same name on one line", ["Host a a"], "hives.conf:1: Host a stands at hives.conf:1 already"],
    ["one address for two", ["Host a b", "HostName c"], "hives.conf:2: HostName for a and b would make them one"],
    ["one address for all", ["Host *", "HostName c"], "hives.conf:2: HostName for all machines would make them one"],
    ["a value given twice", ["Host a", "User b", "user c"], "hives.conf:3: User stands at hives.conf:2 already"],
    ["a port that is none", ["Host a", "Port ssh"], "hives.conf:2: Port ssh is no port. Write a number up to 65535"],
    ["a port that is too large", ["Host a", "HivePort 70000"], "hives.conf:2: HivePort 70000 is no port"],
    ["an SSH port of 0", ["Host a", "Port 0"], "hives.conf:2: Port 0 is not allowed"],
    ["a user that ssh takes for an option", ["Host a", "User -oProxyCommand"], "hives.conf:2: User -oProxyCommand is"],
    ["a host that ssh takes for an option", ["Host a", "HostName -x"], "hives.conf:2: HostName -x is not allowed"],
    ["a label without a value", ["Host a", "Labels gpu"], "the label gpu has no value. Write Labels key=value"],
    ["a label's odd key", ["Host a", "Labels ä=b"], "hives.conf:2: Labels ä=b is not allowed"],
    ["a label's treacherous key", ["Host a", "Labels __proto__=b"], "Labels __proto__=b is not allowed"],
    ["a key without a value", ["Host a", "User", "Port 22"], "hives.conf:2: User has no value"],
    ["a Host without a name", ["Host", "Port 22"], "hives.conf:1: a key without a value"],
    ["an open quotation mark", ["Host a", 'User "ada'], "hives.conf:2: a quotation mark that is not closed"],
    ["an open quotation mark in a label", ["Host a", 'Labels a="b'], "hives.conf:2: a quotation mark"],
  ])("%s is refused at its line, with what to do", (_, lines, message) => {
    expect(() => read(...lines)).toThrow(message);
  });

  test("there is an end to it", () => {
    const many = Array.from({ length: MACHINES_MAX + 1 }, (_, at) => `Host m${at}`);
    expect(read(...many.slice(1))).toHaveLength(MACHINES_MAX);
    expect(() => read(...many)).toThrow(`more than ${MACHINES_MAX} machines`);
    expect(() => read("#".repeat(HIVES_CONF_CHARS_MAX + 1))).toThrow("Split the fleet");
  });
});
