import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { DEFAULT_LINE_LIMITS } from "../core/waiting-line.ts";
import { DEFAULT_GATEWAY_LIMITS } from "../gateway/limits.ts";
import { GATEWAY_FLAGS, GATEWAY_VARIABLES } from "./gateway-settings.ts";
import { readSettings } from "./settings.ts";

/** A configuration folder of its own, with this queen.toml. */
function aConfig(toml: string): { readonly XDG_CONFIG_HOME: string; readonly file: string } {
  const folder = mkdtempSync(join(tmpdir(), "hive-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "queen.toml");
  writeFileSync(file, toml);
  return { XDG_CONFIG_HOME: folder, file };
}

describe("settings of the gateway", () => {
  test("are the defaults unless something is said", () => {
    const { gateway, line, aliases, policy } = readSettings({}, aConfig(""));
    expect({ gateway, line, aliases, policy }).toEqual({
      ...{ gateway: DEFAULT_GATEWAY_LIMITS, line: DEFAULT_LINE_LIMITS, aliases: {}, policy: "best" },
    });
  });

  test("come from the file, the environment or a flag", () => {
    const { file } = aConfig(
      'policy = "session"\nqueue_wait_ms = 1000\ngateway_failover_5xx = true\n[model_aliases]\nfast = ["a", "b"]\nbig = "c"\n',
    );
    const env = { HIVE_QUEUE_WAIT_MS: "2000", HIVE_GATEWAY_TRIES: "5" };
    const { gateway, line, aliases, policy } = readSettings({ gateway_tries: "7", queue_total: "9" }, env, file);
    expect(policy).toBe("session");
    expect(gateway).toMatchObject({ queueWaitMs: 2_000, failover5xx: true, triesMax: 7 });
    expect(line).toEqual({ ...DEFAULT_LINE_LIMITS, total: 9 });
    expect(aliases).toEqual({ fast: ["a", "b"], big: ["c"] });
  });

  test("names of models may be one text", () => {
    const { aliases } = readSettings({ model_aliases: "fast = a|org/b:7b , big=c" }, aConfig(""));
    expect(aliases).toEqual({ fast: ["a", "org/b:7b"], big: ["c"] });
  });

  test.each([
    [{ policy: "luck" }, /--policy must be one of/],
    [{ queue_wait_ms: "soon" }, /--queue-wait-ms must be a whole number/],
    [{ gateway_tries: "0" }, /--gateway-tries must be/],
    [{ gateway_failover_5xx: "maybe" }, /--gateway-failover-5xx must be true or false/],
    [{ model_aliases: "fast" }, /"fast" must be NAME=MODEL/],
    [{ model_aliases: "fast=" }, /fast of --model-aliases must be the name of a model/],
    [{ model_aliases: 7 }, /must be a table of names/],
    [{ model_aliases: { fast: [] } }, /must be the name of a model/],
  ])("%j is refused with its name", (flags, message) => {
    expect(() => readSettings(flags, aConfig(""))).toThrow(message);
  });

  test("each have a flag, a variable and a key of one name", () => {
    const flags = GATEWAY_FLAGS.map(([flag]) => flag.split(" ")[0]?.slice(2).replaceAll("-", "_"));
    expect(flags).toEqual(Object.keys(GATEWAY_VARIABLES));
    for (const [key, variable] of Object.entries(GATEWAY_VARIABLES)) expect(variable).toBe(`HIVE_${key.toUpperCase()}`);
  });
});
