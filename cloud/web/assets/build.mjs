// Bundles src/*.ts and css/app.css with esbuild, hashes and compresses the results, and writes the Rust table that
// embeds them. Run by ../build.rs: node build.mjs NODE_MODULES OUTPUT_FOLDER. Talks to no network.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const [modules, out] = process.argv.slice(2);
if (!modules || !out) {
  console.error("usage: node build.mjs NODE_MODULES OUTPUT_FOLDER");
  process.exit(2);
}
const { build } = await import(createRequire(join(modules, "esbuild", "package.json")).resolve("esbuild"));

const options = { bundle: true, minify: true, write: false, nodePaths: [modules], legalComments: "none", logLevel: "warning" };
const targets = ["chrome109", "firefox115", "safari16"];
const bundles = [
  { name: "app.css", type: "text/css; charset=utf-8", entry: "css/app.css", more: { target: targets } },
  { name: "app.js", type: "text/javascript; charset=utf-8", entry: "src/app.ts", more: { format: "esm", target: targets } },
  { name: "chart.js", type: "text/javascript; charset=utf-8", entry: "src/chart.ts", more: { format: "esm", target: targets } },
  { name: "worker.js", type: "text/javascript; charset=utf-8", entry: "src/worker.ts", more: { format: "iife", target: targets } },
  { name: "icon.svg", type: "image/svg+xml; charset=utf-8", entry: "icon.svg" },
];

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const rows = [];
for (const { name, type, entry, more } of bundles) {
  const bytes = more
    ? Buffer.from((await build({ ...options, ...more, entryPoints: [join(here, entry)] })).outputFiles[0].contents)
    : readFileSync(join(here, entry));
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  const dot = name.lastIndexOf(".");
  const file = `${name.slice(0, dot)}-${hash}${name.slice(dot)}`;
  const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
  writeFileSync(join(out, file), bytes);
  writeFileSync(join(out, `${file}.gz`), gzipSync(bytes, { level: 9 }));
  writeFileSync(join(out, `${file}.br`), brotliCompressSync(bytes, brotli));
  rows.push(`    Asset { name: "${name}", file: "${file}", content_type: "${type}", plain: include_bytes!("${file}"), gzip: include_bytes!("${file}.gz"), brotli: include_bytes!("${file}.br") },`);
}
writeFileSync(join(out, "table.rs"), `/// Every embedded file.\npub static ASSETS: &[Asset] = &[\n${rows.join("\n")}\n];\n`);
