/** Stories with a clock of their own; servers, sockets and processes are made up. */
import { describe, expect, test } from "vitest";
import { RECOGNITIONS_MAX, SERVERS_MAX } from "./discovery.ts";
import { HANGS_AFTER } from "./follower.ts";
import { aDiscovery, aProbe } from "./testing/a-discovery.ts";

describe("a server of this machine", () => {
  test("is there within a second of its start, whatever its port, and asked what it is only once", async () => {
    const { discovery, serve, pass, seen, asked } = aDiscovery();
    discovery.start();
    await pass(1_000);
    serve(11_434, "ollama");
    serve(4_711, "vllm");
    await pass(600);
    expect(seen()).toEqual(["ollama-11434", "vllm-4711"]);
    await pass(60_000);
    expect(asked.recognised).toHaveLength(2);
  });

  test("that ends is gone within 100 ms, and is told at once", async () => {
    const { discovery, serve, pass, seen, processes, listeners, changes } = aDiscovery();
    serve(8_000, "vllm", { pid: 50 });
    discovery.start();
    await pass(600);
    expect(seen()).toEqual(["vllm-8000"]);
    const before = changes();
    processes.delete(50);
    await pass(100);
    expect(seen()).toEqual([]);
    expect(changes()).toBeGreaterThan(before);

    listeners.length = 0;
    serve(8_000, "vllm", { pid: 51 });
    await pass(600);
    expect(seen()).toEqual(["vllm-8000"]);
  });

  test("whose pid became another process's is gone", async () => {
    const { discovery, serve, pass, seen, processes } = aDiscovery();
    serve(8_000, "vllm", { pid: 50 });
    discovery.start();
    await pass(600);
    processes.set(50, { parent: 1, start: 2 });
    await pass(100);
    expect(seen()).toEqual([]);
  });

  test("that stops listening while its process goes on is gone at the next look", async () => {
    const { discovery, serve, pass, seen, listeners } = aDiscovery();
    serve(1_234, "lm-studio");
    discovery.start();
    await pass(600);
    listeners.length = 0;
    await pass(500);
    expect(seen()).toEqual([]);
  });

  test("of another user is found without its pid, and followed by its socket", async () => {
    const { discovery, serve, pass, seen, listeners } = aDiscovery();
    serve(11_434, "ollama", { pid: undefined, uid: 998 });
    discovery.start();
    await pass(600);
    expect(seen()).toEqual(["ollama-11434"]);
    expect(discovery.list()[0]?.site).not.toHaveProperty("pid");
    listeners.length = 0;
    await pass(500);
    expect(seen()).toEqual([]);
  });

  test("that listens before it answers is asked again, with growing pauses, and not for ever", async () => {
    const { discovery, serve, pass, seen, asked } = aDiscovery();
    const played = serve(9_000, "vllm", { probe: {} });
    played.probe = undefined;
    discovery.start();
    await pass(4_000);
    expect(asked.recognised.length).toBe(4);
    played.probe = aProbe();
    await pass(4_000);
    expect(seen()).toEqual(["vllm-9000"]);

    const other = aDiscovery();
    other.serve(9_001, "nothing").probe = undefined;
    other.discovery.start();
    await other.pass(1_000_000);
    expect(other.asked.recognised.length).toBe(16);
    expect(other.seen()).toEqual([]);
  });

  test("is found once when it takes IPv4 and IPv6", async () => {
    const { discovery, serve, pass, seen, listeners } = aDiscovery();
    serve(11_434, "ollama", { pid: 50 });
    listeners.push({ address: "::1", port: 11_434, pid: 50 });
    discovery.start();
    await pass(600);
    expect(seen()).toEqual(["ollama-11434"]);
  });

  test("on the same port as another one, at another address, has a name of its own", async () => {
    const { discovery, serve, servers, pass, seen } = aDiscovery();
    serve(8_000, "vllm");
    serve(8_000, "vllm", { address: "192.168.1.5" });
    servers.set("http://192.168.1.5:8000", { engine: "vllm", probe: aProbe() });
    discovery.start();
    await pass(600);
    expect(seen()).toEqual(["vllm-192.168.1.5-8000", "vllm-8000"]);
  });

  test("that only looks like one is passed over: what refuses strangers, what lists no models", async () => {
    const { discovery, serve, pass, seen } = aDiscovery();
    serve(3_000, "openai-compatible", { probe: { state: "locked", models: [] } });
    serve(3_001, "openai-compatible", { probe: { models: [] } });
    serve(3_002, "openai-compatible");
    discovery.start();
    await pass(2_000);
    expect(seen()).toEqual(["openai-compatible-3002"]);
  });
});

describe("what is not looked at", () => {
  test("the hive itself, its queens, its own workers, those that announced themselves, databases", async () => {
    const { discovery, serve, pass, seen, own, asked } = aDiscovery();
    own.ports.add(7_833).add(7_835);
    own.pids.add(60);
    own.announced.add(9_400);
    serve(7_833, "openai-compatible");
    serve(7_835, "openai-compatible");
    serve(9_300, "llama-cpp", { pid: 60 });
    serve(9_301, "llama-cpp", { pid: 61, parent: 60 });
    serve(9_400, "vllm");
    serve(5_432, "vllm");
    discovery.start();
    await pass(5_000);
    expect(seen()).toEqual([]);
    expect(asked.recognised).toEqual([]);
  });

  test("a worker that reports to a hive by itself, and what it started", async () => {
    const { discovery, serve, pass, seen, processes, asked } = aDiscovery();
    processes.set(70, { parent: 1, words: ["node", "main.js", "--hive-url", "http://127.0.0.1:7835"] });
    serve(9_300, "llama-cpp", { pid: 70 });
    serve(9_301, "llama-server", { pid: 71, parent: 70 });
    discovery.start();
    await pass(2_000);
    expect([seen(), asked.recognised]).toEqual([[], []]);
  });

  test("a server that announces itself after it was found is no longer listed as found", async () => {
    const { discovery, serve, pass, seen, own, asked } = aDiscovery();
    serve(9_400, "vllm");
    discovery.start();
    await pass(600);
    own.announced.add(9_400);
    expect(seen()).toEqual([]);
    await pass(1_000);
    const { length } = asked.probed;
    await pass(5_000);
    expect(asked.probed).toHaveLength(length);
    own.announced.clear();
    await pass(1_000);
    expect(seen()).toEqual(["vllm-9400"]);
  });

  test("nothing, when discovery is off, but what hive.toml names", async () => {
    const { discovery, serve, pass, seen, asked } = aDiscovery({
      discover: false,
      configured: [{ url: "http://127.0.0.1:8000", name: "big" }],
    });
    serve(8_000, "vllm");
    serve(11_434, "ollama");
    discovery.start();
    await pass(2_000);
    expect(seen()).toEqual(["big"]);
    expect(asked.recognised).toEqual(["http://127.0.0.1:8000"]);
  });
});

test("a server that hive.toml names is found also where its port is nobody's, as that of a container can be", async () => {
  const { discovery, servers, serve, pass, seen } = aDiscovery({
    discover: false,
    configured: [{ url: "http://127.0.0.1:8000", name: "big" }],
  });
  servers.set("http://127.0.0.1:8000", { engine: "vllm", probe: aProbe() });
  discovery.start();
  await pass(1_000);
  expect(seen()).toEqual(["big"]);
  expect(discovery.list()[0]).not.toHaveProperty("site");

  serve(8_000, "vllm", { pid: 50 });
  await pass(1_500);
  expect(seen()).toEqual(["big"]);
  expect(discovery.list()[0]?.site?.pid).toBe(50);
});

describe("servers of servers", () => {
  test("are not found a second time, in whatever order they are listed", async () => {
    for (const reversed of [false, true]) {
      const { discovery, serve, pass, seen, listeners, processes, asked } = aDiscovery();
      serve(11_434, "ollama", { pid: 80 });
      processes.set(81, { parent: 80 });
      serve(40_123, "llama-server", { pid: 82, parent: 81 });
      serve(8_080, "llama-swap", { pid: 90 });
      serve(5_800, "llama-server", { pid: 91, parent: 90 });
      if (reversed) listeners.reverse();
      discovery.start();
      await pass(3_000);
      expect(seen()).toEqual(["llama-swap-8080", "ollama-11434"]);
      expect(asked.recognised).toHaveLength(2);
    }
  });

  test("are found when their parent turns out to be nothing, or is gone", async () => {
    const { discovery, serve, pass, seen, processes, listeners } = aDiscovery();
    serve(8_080, "llama-swap", { pid: 90 });
    serve(5_800, "llama-server", { pid: 91, parent: 90 });
    serve(3_000, "a web page", { pid: 95 }).probe = undefined;
    serve(8_001, "vllm", { pid: 96, parent: 95 });
    discovery.start();
    await pass(2_000);
    expect(seen()).toEqual(["llama-swap-8080", "vllm-8001"]);
    processes.delete(90);
    listeners.shift();
    await pass(1_000);
    expect(seen()).toEqual(["llama-server-5800", "vllm-8001"]);
  });

  test("of another user, whose processes cannot be seen, are told by their random port on loopback", async () => {
    const { discovery, serve, pass, seen } = aDiscovery();
    serve(11_434, "ollama", { pid: undefined, uid: 998 });
    serve(40_123, "llama-server", { pid: undefined, uid: 998 });
    serve(8_080, "llama-server", { pid: undefined, uid: 998 });
    serve(40_124, "llama-server", { pid: undefined, uid: 997 });
    discovery.start();
    await pass(3_000);
    expect(seen()).toEqual(["llama-server-40124", "llama-server-8080", "ollama-11434"]);
  });
});

describe("following", () => {
  test("a server is asked every second while something changes there or it loads, and less often when nothing does", async () => {
    const { discovery, serve, pass, asked } = aDiscovery();
    const [changing, loading] = [
      serve(8_000, "vllm"),
      serve(8_001, "vllm", { probe: { state: "loading", models: [] } }),
    ];
    serve(8_002, "vllm", { probe: { slots_busy: 2 } });
    discovery.start();
    for (let at = 0; at < 120; at++) {
      changing.probe = aProbe({ slots_busy: at % 3 });
      await pass(1_000);
    }
    expect(loading.probe?.state).toBe("loading");
    const timesOf = (port: number) => asked.probed.filter((url) => url.endsWith(`:${port}`)).length;
    expect(timesOf(8_000)).toBeGreaterThan(110);
    expect(timesOf(8_001)).toBeGreaterThan(110);
    expect(timesOf(8_002)).toBeGreaterThan(55);
    expect(timesOf(8_002)).toBeLessThan(70);
  });

  test("only news is told: a server that stays as it is says nothing for hours", async () => {
    const { discovery, serve, pass, changes } = aDiscovery();
    const played = serve(8_000, "vllm");
    discovery.start();
    await pass(2_000);
    const before = changes();
    await pass(60_000);
    expect(changes()).toBe(before);
    played.probe = aProbe({ slots_busy: 3 });
    await pass(3_500);
    expect(changes()).toBe(before + 1);
    expect(discovery.list()[0]?.sight.probe.slots_busy).toBe(3);
  });

  test("one that hangs is said to, and one that answers again is well", async () => {
    const { discovery, serve, pass, changes } = aDiscovery();
    const played = serve(8_000, "vllm");
    discovery.start();
    await pass(2_000);
    played.probe = undefined;
    played.failure = "TIMEOUT";
    const before = changes();
    await pass(8_000);
    expect(discovery.list()[0]?.sight.silences).toBeGreaterThanOrEqual(HANGS_AFTER);
    expect(changes()).toBe(before + 1);
    played.probe = aProbe();
    await pass(4_000);
    expect(discovery.list()[0]?.sight.silences).toBe(0);
    expect(changes()).toBe(before + 2);
  });

  test("one that demands a key is asked seldom, for it writes each refusal into its log", async () => {
    const { discovery, serve, pass, asked, log } = aDiscovery();
    serve(8_000, "vllm", { probe: { state: "locked", models: [] } });
    discovery.start();
    await pass(60_000);
    expect(asked.probed.length).toBeLessThanOrEqual(8);
    expect(log.messages("warn")).toEqual([expect.stringContaining('url = "http://127.0.0.1:8000"')]);
  });
});

describe("a server on another machine", () => {
  const configured = [{ url: "http://gpu2:8000", key: "secret-of-gpu2" }];

  test("is found by its address alone, goes when it refuses two questions, and comes back by the same name", async () => {
    const { discovery, servers, pass, seen, log } = aDiscovery({ configured });
    const played = { engine: "vllm", probe: aProbe() };
    servers.set("http://gpu2:8000", played);
    discovery.start();
    await pass(500);
    expect(seen()).toEqual(["vllm-gpu2-8000"]);
    servers.clear();
    await pass(2_500);
    expect(seen()).toEqual([]);
    servers.set("http://gpu2:8000", played);
    await pass(5_500);
    expect(seen()).toEqual(["vllm-gpu2-8000"]);
    expect(JSON.stringify(log.said)).not.toContain("secret-of-gpu2");
  });

  test("that is only slow stays", async () => {
    const { discovery, servers, pass, seen } = aDiscovery({ configured });
    servers.set("http://gpu2:8000", { engine: "vllm", probe: aProbe() });
    discovery.start();
    await pass(500);
    servers.set("http://gpu2:8000", { engine: "vllm", probe: undefined, failure: "TIMEOUT" });
    await pass(10_000);
    expect(seen()).toEqual(["vllm-gpu2-8000"]);
  });

  test("is waited for as long as it takes", async () => {
    const { discovery, servers, pass, seen } = aDiscovery({ configured });
    discovery.start();
    await pass(3_600_000);
    servers.set("http://gpu2:8000", { engine: "vllm", probe: aProbe() });
    await pass(5_500);
    expect(seen()).toEqual(["vllm-gpu2-8000"]);
  });
});

describe("bounds", () => {
  test("only so many are recognised at once, and only so many are followed", async () => {
    const { discovery, serve, pass, seen, atOnce } = aDiscovery();
    for (let at = 0; at < SERVERS_MAX + 20; at++) serve(20_000 + at, "vllm");
    discovery.start();
    await pass(5_000);
    expect(seen()).toHaveLength(SERVERS_MAX);
    expect(atOnce()).toBe(RECOGNITIONS_MAX);
  });

  test("what ran at the start is known when the first round ends, and a first round without anything ends too", async () => {
    const { discovery, serve, pass, seen } = aDiscovery();
    serve(8_000, "vllm");
    serve(3_000, "nothing").probe = undefined;
    let known: string[] | undefined;
    void discovery.firstRound.then(() => {
      known = seen();
    });
    discovery.start();
    await pass(200);
    expect(known).toEqual(["vllm-8000"]);

    const empty = aDiscovery();
    empty.discovery.start();
    await empty.pass(50);
    await empty.discovery.firstRound;
  });

  test("after its end nothing is asked any more", async () => {
    const { discovery, serve, pass, asked, clock } = aDiscovery();
    serve(8_000, "vllm");
    discovery.start();
    await pass(2_000);
    discovery.stop();
    const before = JSON.stringify(asked);
    await pass(60_000);
    expect(JSON.stringify(asked)).toBe(before);
    expect(clock.nextInMs()).toBeUndefined();
    expect(discovery.list()).toEqual([]);
  });
});
