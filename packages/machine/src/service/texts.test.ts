import { expect, test } from "vitest";
import { launchdPlist, systemdUnit } from "./texts.ts";

const HOSTILE = {
  command: ["/opt/my node/node", '/home/ada/50% "off"\\$HOME/hive.mjs', "service", "run"],
  env: { PATH: "/bin:/a b", XDG_STATE_HOME: '/x/%h/"$A"' },
  log_file: "/home/ada/50%/logs/hive-a&b<c>.log",
};

test("a unit of systemd says what to run, word for word, whatever the paths are called", () => {
  const lines = systemdUnit(HOSTILE).split("\n");
  expect(lines).toContain(
    'ExecStart="/opt/my node/node" "/home/ada/50%% \\"off\\"\\\\$$HOME/hive.mjs" "service" "run"',
  );
  expect(lines).toContain('Environment="PATH=/bin:/a b"');
  expect(lines).toContain('Environment="XDG_STATE_HOME=/x/%%h/\\"$A\\""');
  expect(lines).toContain("StandardError=append:/home/ada/50%%/logs/hive-a&b<c>.log");
  expect(lines).toContain("Restart=always");
  expect(lines.slice(-3)).toEqual(["[Install]", "WantedBy=default.target", ""]);
});

test("no line break of a path begins a setting of its own in a unit", () => {
  const unit = systemdUnit({ ...HOSTILE, command: ["/bin/a\nExecStartPre=/bin/b"], env: { A: "b\nUser=root" } });
  expect(unit).toContain('ExecStart="/bin/a\\nExecStartPre=/bin/b"');
  expect(unit.split("\n").filter((line) => /^(?:ExecStartPre|User)=/.test(line))).toEqual([]);
});

test("a plist of launchd says the same", () => {
  const plist = launchdPlist(HOSTILE);
  expect(plist).toContain(
    '<array><string>/opt/my node/node</string><string>/home/ada/50% "off"\\$HOME/hive.mjs</string>' +
      "<string>service</string><string>run</string></array>",
  );
  expect(plist).toContain("<key>StandardErrorPath</key><string>/home/ada/50%/logs/hive-a&amp;b&lt;c&gt;.log</string>");
  expect(plist).toContain("<key>KeepAlive</key><true/>");
});
