import { PLACES } from "./places.ts";

/** `whole_engine FOLDER SHA256`: whether all files of an engine are there as its list of sums says, and the list is the one that is meant. */
const WHOLE_ENGINE = `
whole_engine() {
  [ -f "$1/SHA256SUMS" ] && [ "$(sum_of "$1/SHA256SUMS")" = "$2" ] || return 1
  if command -v sha256sum >/dev/null; then (cd "$1" && sha256sum -c SHA256SUMS >/dev/null 2>&1)
  else (cd "$1" && shasum -a 256 -c SHA256SUMS >/dev/null 2>&1)
  fi
}
`;

/** Whether an engine is there whole. `$1`: its version, `$2`: the SHA-256 of its list of sums. */
export const LOOK_AT_ENGINE: string = `${PLACES}${WHOLE_ENGINE}
if whole_engine "$data/engines/$1" "$2"; then say engine whole; fi
`;

/**
 * Takes an engine from stdin, a tar archive. It gets its name only when it is whole and llama.cpp runs there. `$1` and `$2` as above, `$3`: the
 * version of the hive, whose Node tries it, `$4`: a name for this attempt.
 */
export const TAKE_ENGINE: string = `${PLACES}${WHOLE_ENGINE}
new=$data/.new-$4
mkdir -p "$data/engines" "$new/engine" || exit 1
trap 'rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM PIPE
tar -xf - -C "$new/engine" || exit 1
whole_engine "$new/engine" "$2" || { echo 'what arrived is not what was sent' >&2; exit 1; }
# It tries a binary in a process of its own, which must not be told to evaluate something.
try='process.execArgv = [];
const { getLlama } = await import(process.argv[1]);
const llama = await getLlama({ gpu: "auto", build: "never", skipDownload: true, progressLogs: false, logLevel: "error" });
await llama.dispose();'
(cd "$new/engine" && "$data/$3/node" --input-type=module -e "$try" node-llama-cpp </dev/null >/dev/null) || exit 5
sync "$new/engine/SHA256SUMS" 2>/dev/null || :
if [ -d "$data/engines/$1" ]; then mv "$data/engines/$1" "$new/damaged" || exit 1; fi
mv "$new/engine" "$data/engines/$1" || exit 1
`;

/** Lets a version use an engine: Node finds the worker beside the program then. `$1`: the version, `$2`: the link's text. */
export const LINK_ENGINE: string = `${PLACES}
new=$data/.new-$1
mkdir -p "$new" || exit 1
trap 'rm -rf "$new"' EXIT
rm -f "$new/node_modules"
ln -s "$2" "$new/node_modules" || exit 1
"$data/$1/node" -e 'process.getBuiltinModule("fs").renameSync(process.argv[1], process.argv[2])' "$new/node_modules" "$data/$1/node_modules"
`;
