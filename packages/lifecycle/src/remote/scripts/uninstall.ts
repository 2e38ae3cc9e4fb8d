import { PLACES } from "./places.ts";

/**
 * Removes what was installed and what the hive wrote for itself. Each file is named; a folder goes only when nothing is left in it, and of the
 * folders around ours only those that installing had to make. Downloaded models, logs of others and whatever else lies there stay.
 */
export const UNINSTALL: string = `${PLACES}
[ -e "$data" ] || [ -e "$config/machine.json" ] || { say removed no; exit 0; }
said=no
[ -L "$data/current" ] || [ -e "$config/machine.json" ] && said=yes
if [ -f "$data/current/hive.mjs" ] && [ -f "$config/machine.json" ]; then
  if grep -q '"service": *true' "$config/machine.json"; then
    answer=$(hive current service remove) || { say failed service; say error "$answer"; exit 1; }
  fi
  answer=$(hive current stop) || { say failed stop; say error "$answer"; exit 1; }
fi
id=$(sed -n 's/.*"hive_id": *"\\([A-Za-z0-9._-]*\\)".*/\\1/p' "$config/machine.json" 2>/dev/null | head -n 1)
made=$(cat "$data/.made" 2>/dev/null)

for left in "$data"/*/SHA256SUMS; do
  one=\${left%/SHA256SUMS}
  [ -f "$left" ] && [ ! -L "$one" ] || continue
  said=yes
  rm -f "$one/hive.mjs" "$one/node" "$one/node_modules" "$left"; rmdir "$one" 2>/dev/null
done
for one in "$data"/node/v*; do rm -f "$one/bin/node"; rmdir "$one/bin" "$one" 2>/dev/null; done
# Nobody writes into an engine: what has a list of its files is ours whole.
for left in "$data"/engines/*/SHA256SUMS; do [ -f "$left" ] && rm -rf "\${left%/SHA256SUMS}"; done
for left in "$data"/.new-*; do [ -d "$left" ] && rm -rf "$left"; done
for one in current previous .turn-current .turn-previous; do [ -L "$data/$one" ] && rm -f "$data/$one"; done
rm -f "$data/.made" "$config/machine.json" "$config/join-token" "$state/machine.started.json" "$state/machine.lock"
if [ -n "$id" ]; then
  rm -f "$state/hive-$id.pid" "$state/hive-$id.lock" "$state/logs/hive-$id.log" "$state/logs/hive-$id.log.1" "$state/logs/hive-$id.log.2"
  for one in "$state/workers/$id"/*.json; do rm -f "$one"; done
  rmdir "$state/workers/$id" 2>/dev/null
  # Logs of workers do not say whose they were, nor does the demonstration model: they are ours where no other hive is.
  set -- "$state"/logs/hive-*.log
  if [ ! -e "$1" ]; then for one in "$state"/logs/worker-*.log* "$state/models/hive-demo.gguf"; do rm -f "$one"; done; fi
fi
rmdir "$data/node" "$data/engines" "$data" "$config" "$state/logs" "$state/workers" "$state/models" "$state" 2>/dev/null
printf '%s\\n' "$made" | while IFS= read -r one; do [ -n "$one" ] && rmdir "$one" 2>/dev/null; done
say removed "$said"
`;
