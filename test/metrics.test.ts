import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Family, PROCESS_FAMILIES } from "@hive-registry/command/metrics";
import { describe, expect, test } from "vitest";
import { HIVE_FAMILIES } from "../packages/hive/src/observability/families.ts";
import { FAMILIES } from "../packages/queen/src/observability/families.ts";
import { WORKER_FAMILIES } from "../packages/worker/src/http/metrics.ts";
import { eventually } from "./support/eventually.ts";
import { aWorkplace, ROOT } from "./support/workplace.ts";

const MONITORING = join(ROOT, "monitoring");
const textOf = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** Prometheus' own judge. */
function promtool(args: readonly string[], input = ""): { readonly code: number | null; readonly said: string } {
  const { status, stdout, stderr, error } = spawnSync("promtool", args, { cwd: MONITORING, input, encoding: "utf8" });
  if (error !== undefined) {
    throw new Error("promtool cannot be run: on Debian, apt-get install prometheus", { cause: error });
  }
  return { code: status, said: `${stdout}${stderr}` };
}

/** Each name under which a family has samples. */
const namesOf = ({ name, kind }: Pick<Family<never>, "name" | "kind">): readonly string[] =>
  kind === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];

const ALL: readonly Pick<Family<never>, "name" | "kind" | "labels" | "help">[] = [
  ...FAMILIES,
  ...HIVE_FAMILIES,
  ...WORKER_FAMILIES,
  ...PROCESS_FAMILIES,
];
const KNOWN = new Set(["up", ...ALL.flatMap(namesOf)]);

/** Names of metrics in an expression: labels, functions and texts are none. */
const metricsIn = (expression: string): readonly string[] =>
  expression
    .replaceAll(/"[^"]*"/g, "")
    .replaceAll(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, "")
    .replaceAll(/\{[^}]*\}/g, "")
    .match(/\b(?:up|(?:hive_registry|process|nodejs)_\w+)\b/g) ?? [];

describe("metrics", () => {
  test("of a real queen, hive and worker are as Prometheus wants them: not one complaint", async () => {
    const place = aWorkplace();
    const queen = await place.queen();
    const hive = await place.agent(queen.url);
    const { worker } = await eventually("a worker", async () => (await queen.client.listWorkers({ state: "idle" }))[0]);
    const asked = await fetch(`${queen.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: worker.model_id, messages: [{ role: "user", content: "Hi" }], max_tokens: 3 }),
    });
    expect(asked.status).toBe(200);
    await asked.text();
    const pages = { queen: queen.url, hive: hive.url, worker: worker.url as string };
    const prefixes = { queen: "hive_registry_", hive: "hive_registry_agent_", worker: "hive_registry_worker_" };
    for (const [who, url] of Object.entries(pages) as [keyof typeof pages, string][]) {
      // The first reading begins the watching of the event loop.
      await (await fetch(`${url}/metrics`)).text();
      const reply = await fetch(`${url}/metrics`);
      expect(reply.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      const page = await reply.text();
      expect([who, promtool(["check", "metrics"], page)]).toEqual([who, { code: 0, said: "" }]);
      const told = [...page.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name as string);
      expect(told.filter((name) => !ALL.some((family) => family.name === name))).toEqual([]);
      expect(told.filter((name) => name.startsWith(prefixes[who])).length).toBeGreaterThan(5);
    }
  });

  test("have names of their own, and whatever could be told of a family has its rules' blessing", () => {
    expect(new Set(ALL.map(({ name }) => name)).size).toBe(ALL.length);
    const page = ALL.map(({ name, kind, help, labels }) => {
      const pairs = labels.map((label) => `${label}="x"`);
      const of = (more: readonly string[]) =>
        pairs.length + more.length === 0 ? "" : `{${[...pairs, ...more].join(",")}}`;
      const samples =
        kind === "histogram"
          ? [`${name}_bucket${of(['le="+Inf"'])} 1`, `${name}_sum${of([])} 1`, `${name}_count${of([])} 1`]
          : [`${name}${of([])} 1`];
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...samples, ""].join("\n");
    }).join("");
    expect(promtool(["check", "metrics"], page)).toEqual({ code: 0, said: "" });
  });

  test("are judged: promtool complains about a name against the rules", () => {
    const page = "# HELP hive_things_total Things.\n# TYPE hive_things_total gauge\nhive_things_total 1\n";
    expect(promtool(["check", "metrics"], page)).toMatchObject({ said: expect.stringContaining("_total") });
  });
});

describe("the alerts", () => {
  const rules = textOf("monitoring/alerts.yml");
  const names = [...rules.matchAll(/^ {6}- alert: (\w+)$/gm)].map(([, name]) => name as string);

  test("can be read by Prometheus, and so can the configuration", () => {
    expect(promtool(["check", "rules", "alerts.yml"])).toMatchObject({ code: 0 });
    expect(promtool(["check", "config", "--syntax-only", "prometheus.yml"])).toMatchObject({ code: 0 });
  });

  test("fire when they should and only then, each tried", () => {
    expect(promtool(["test", "rules", "alerts.test.yml"])).toMatchObject({
      code: 0,
      said: expect.stringContaining("SUCCESS"),
    });
    const tried = textOf("monitoring/alerts.test.yml");
    expect(names.filter((name) => !tried.includes(`alertname: ${name}\n`) && !tried.includes(`"${name}"`))).toEqual([]);
  });

  test("know only metrics that there are", () => {
    const named = metricsIn(rules.replaceAll(/^ +(?:summary|description|runbook|- name|- alert):.*$/gm, ""));
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((name) => !KNOWN.has(name))).toEqual([]);
    // What the tests feed them exists too.
    const fed = [...textOf("monitoring/alerts.test.yml").matchAll(/series: '(\w+)/g)].map(([, name]) => name as string);
    expect(fed.filter((name) => !KNOWN.has(name))).toEqual([]);
  });

  test("each say how bad it is, what is the matter, and lead to what to do", () => {
    const guide = [...textOf("docs/guide/alerts.md").matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
    expect(guide).toEqual(names);
    for (const rule of rules.split(/^ {6}- alert: /m).slice(1)) {
      const name = /^\w+/.exec(rule)?.[0] ?? "";
      expect(rule).toMatch(/severity: (?:critical|warning|info)\n/);
      expect(rule).toMatch(/summary: ".+"\n/);
      expect(rule).toMatch(/description: ".+"\n/);
      expect(rule).toContain(`runbook: "docs/guide/alerts.md#${name.toLowerCase()}"`);
    }
  });
});

describe("the Grafana dashboard", () => {
  interface Panel {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
  }
  interface Dashboard {
    readonly schemaVersion: number;
    readonly templating: {
      readonly list: readonly { readonly name: string; readonly query: string | { readonly query: string } }[];
    };
    readonly panels: readonly Panel[];
  }
  const dashboard = JSON.parse(textOf("monitoring/grafana-dashboard.json")) as Dashboard;
  const variables = dashboard.templating.list;
  const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  test("asks only for metrics that there are, of the Prometheus that its user chooses", () => {
    const queries = variables.map(({ query }) => (typeof query === "string" ? query : query.query));
    const named = [...expressions, ...queries].flatMap(metricsIn);
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter((name) => !KNOWN.has(name))).toEqual([]);
    expect(variables.map(({ name }) => name)).toEqual(["datasource", "queen", "hive"]);
    for (const { targets = [] } of dashboard.panels) {
      for (const { datasource } of targets) expect(datasource.uid).toMatch(/^\$\{datasource\}$/);
    }
  });

  test("has expressions that Prometheus can read", () => {
    const rules = expressions.map((expr, at) => {
      const whole = expr
        .replaceAll("$__rate_interval", "5m")
        .replaceAll(/\$(\w+)/g, (all, name) => (variables.some((one) => one.name === name) ? ".+" : all));
      return { record: `panel:number_${at}`, expr: whole };
    });
    const file = JSON.stringify({ groups: [{ name: "dashboard", rules }] });
    const place = aWorkplace();
    expect(promtool(["check", "rules", place.file("rules.yml", file)])).toMatchObject({
      code: 0,
      said: expect.stringContaining(`${expressions.length} rules found`),
    });
  });

  test("has panels that lie beside each other, each with a number and a title of its own", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    const overlap = panels.flatMap((one, at) =>
      panels.slice(at + 1).filter(({ gridPos: other }) => {
        const { x, y, w, h } = one.gridPos;
        return x < other.x + other.w && other.x < x + w && y < other.y + other.h && other.y < y + h;
      }),
    );
    expect(overlap).toEqual([]);
    expect(panels.every(({ gridPos: { x, w } }) => x >= 0 && x + w <= 24)).toBe(true);
  });
});
