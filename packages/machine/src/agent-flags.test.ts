import { expect, test } from "vitest";
import { agentArgs, agentEnvironment, listenFor } from "./agent-flags.ts";

test.each([
  // A queen on the machine itself: nobody else calls the hive.
  ["http://127.0.0.1:7833", true, "127.0.0.1"],
  ["http://127.8.8.8:7833", true, "127.0.0.1"],
  ["http://localhost:7833", true, "127.0.0.1"],
  ["http://[::1]:7833", true, "127.0.0.1"],
  // Elsewhere, by what kind of address she is called.
  ["http://10.0.0.2:7833", true, "0.0.0.0"],
  ["http://0.0.0.0:7833", true, "0.0.0.0"],
  ["https://queen.lan", true, "0.0.0.0"],
  ["http://[fd00::2]:7833", true, "::"],
  ["http://[::ffff:10.0.0.2]:7833", true, "::"],
  // Names that only look like this machine's.
  ["http://localhost.example:7833", true, "0.0.0.0"],
  ["http://127.example:7833", true, "0.0.0.0"],
  // Without a token nobody outside may call it, wherever she is.
  ["http://10.0.0.2:7833", false, "127.0.0.1"],
  ["http://[fd00::2]:7833", false, "127.0.0.1"],
])("for the queen at %s, a token: %s, the hive listens at %s", (queen_url, hasToken, listen) => {
  expect(listenFor({ queen_url }, hasToken)).toBe(listen);
});

const SETTINGS = { hive_id: "desk", queen_id: "q", queen_url: "http://[fd00::2]:7833", port: 7_835, service: false };

test.each(["127.0.0.1", "0.0.0.0", "::"])(
  "the agent is told to listen at %s as one word, and its token by a file",
  (listen) => {
    const args = agentArgs(
      { ...SETTINGS, fleet_token_sha256: "a".repeat(64) },
      { state_dir: "/s d", listen, token_file: "/t" },
    );
    const said = Object.fromEntries(args.flatMap((word, at) => (at % 2 === 0 ? [[word, args[at + 1]]] : [])));
    expect(said).toEqual({
      ...{ "--id": "desk", "--port": "7835", "--queen": "http://[fd00::2]:7833" },
      ...{ "--state-dir": "/s d", "--listen": listen, "--token-file": "/t" },
    });
  },
);

test("a hive without a token is told of none", () => {
  expect(agentArgs(SETTINGS, { state_dir: "/s", listen: "127.0.0.1", token_file: undefined })).not.toContain(
    "--token-file",
  );
});

test("the hash of the fleet's token is the settings' own, never one that the session had", () => {
  const session = { PATH: "/bin", HIVE_FLEET_TOKEN_SHA256: "b".repeat(64) };
  expect(agentEnvironment({}, session)).toEqual({ PATH: "/bin" });
  const known = agentEnvironment({ fleet_token_sha256: "a".repeat(64) }, session);
  expect(known).toEqual({ PATH: "/bin", HIVE_FLEET_TOKEN_SHA256: "a".repeat(64) });
});
