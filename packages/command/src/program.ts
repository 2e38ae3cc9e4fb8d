/**
 * The file in `dist/` that runs a package's program: `main.js` beside its parts, or `bundle.js`, the same in one file. Who
 * starts another program starts it in the form that it has itself, so that all of them are of one build.
 */
export const PROGRAM_FILE: "main.js" | "bundle.js" = import.meta.url.endsWith("/bundle.js") ? "bundle.js" : "main.js";
