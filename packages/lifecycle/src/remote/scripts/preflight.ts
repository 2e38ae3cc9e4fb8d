import { PLACES } from "./places.ts";

/** What a machine has. `$1`: the queen's URL, `$2`: the port that the hive is to have. Changes nothing. */
export const PREFLIGHT: string = `${PLACES}
queen=$1 port=$2

# At most so many seconds; what asks a driver, a service manager or the network may hang.
within() {
  if command -v timeout >/dev/null; then timeout -k 1 "$@" 2>/dev/null </dev/null; return; fi
  limit=$1; shift
  "$@" 2>/dev/null </dev/null & asked=$!
  { sleep "$limit"; kill -9 "$asked"; } >/dev/null 2>&1 & watch=$!
  wait "$asked"; outcome=$?
  kill "$watch" 2>/dev/null
  return "$outcome"
}

say os "$(uname -s)"
say arch "$(uname -m)"
say hostname "$(uname -n)"

at=$data
while [ ! -d "$at" ] && [ "$at" != "" ]; do at=\${at%/*}; done
say disk "$(df -Pk "\${at:-/}" 2>/dev/null | tail -n 1)"
if [ -r /proc/meminfo ]; then say memory "$(head -n 1 /proc/meminfo)"
else say memory "$(sysctl hw.memsize 2>/dev/null)"
fi

best=
try() {
  [ -x "$1" ] || return 0
  found=$(within 5 "$1" --version) || return 0
  say node "$found $1"
  case "$found" in v2[0-9].*|v[3-9][0-9].*) best=$1 ;; esac
}
for one in "$(command -v node)" "$(command -v nodejs)" "$data"/node/*/bin/node \\
  "$HOME"/.nvm/versions/node/*/bin/node "$HOME"/.local/share/fnm/node-versions/*/installation/bin/node \\
  "$HOME"/.local/share/mise/installs/node/*/bin/node "$HOME"/.volta/bin/node "$HOME"/n/bin/node; do try "$one"; done
if [ "$(uname -s)" = Darwin ]; then for one in /opt/homebrew/bin/node /usr/local/bin/node; do try "$one"; done; fi

if command -v nvidia-smi >/dev/null; then
  within 10 nvidia-smi -L | while IFS= read -r line; do say nvidia "$line"; done
fi
if command -v lspci >/dev/null; then
  within 5 lspci | grep -E 'VGA compatible|3D|Display' | while IFS= read -r line; do say pci "$line"; done
elif command -v system_profiler >/dev/null; then
  within 15 system_profiler SPDisplaysDataType | grep 'Chipset Model' | while IFS= read -r line; do say chipset "$line"; done
fi

ask_node='fetch(process.argv[1]).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))'
ask_queen() {
  if command -v curl >/dev/null; then within 6 curl -fsS -m 5 -o /dev/null "$1/healthz"
  elif command -v wget >/dev/null; then within 6 wget -q -T 5 -O /dev/null "$1/healthz"
  elif [ -n "$best" ]; then within 6 "$best" -e "$ask_node" "$1/healthz"
  elif command -v bash >/dev/null; then
    # Only whether anybody listens; who would ask more of it needs one of the above.
    address=\${1#http://}; address=\${address%%/*}
    case "$1" in http://*:*) within 6 bash -c 'exec 3<>"/dev/tcp/\${1%:*}/\${1##*:}"' bash "$address" ;; *) return 99 ;; esac
  else return 99
  fi
}
ask_queen "\${queen%/}"
case $? in 0) say queen reached ;; 99) say queen unknown ;; *) say queen 'out of reach' ;; esac

# 7: taken.
bind='const server = process.getBuiltinModule("net").createServer();
server.on("error", (error) => process.exit(error.code === "EADDRINUSE" ? 7 : 1));
server.listen(Number(process.argv[1]), "127.0.0.1", () => process.exit(0));'
if [ "$port" = 0 ]; then say port free
elif [ -n "$best" ]; then within 5 "$best" -e "$bind" "$port"; [ $? = 7 ] && say port taken
elif command -v ss >/dev/null; then within 5 ss -Hltn "sport = :$port" | grep -q . && say port taken
elif command -v netstat >/dev/null; then within 5 netstat -an | grep LISTEN | grep -q "[.:]$port " && say port taken
fi

if command -v systemctl >/dev/null; then say systemd "$(within 5 systemctl --user is-system-running)"; fi
if command -v launchctl >/dev/null && within 5 launchctl print "user/$(id -u)" >/dev/null; then say launchd running; fi

if [ -x "$data/current/node" ]; then say installed "$(within 15 "$data/current/node" "$data/current/hive.mjs" status)"; fi
say done yes
`;
