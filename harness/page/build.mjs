// Builds what a report page carries, from its sources and from npm's packages:
//
//   templates/plot.js    the chart library: the used parts of Observable Plot and d3, minified, with
//                        the notices of their licences
//   templates/page.js    the script of a run's page, its modules in one file
//   templates/search.js  the same of the page of a tuning or an SLO search
//   bundle.json          the SHA-256 of every source and of these files, which a test compares
//
// npm ci && npm run build

import {createHash} from "node:crypto";
import {readFileSync, readdirSync, writeFileSync} from "node:fs";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {build} from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const TEMPLATES = join(HERE, "..", "iomodels", "templates");
const SOURCES = ["build.mjs", "package-lock.json", ...readdirSync(join(HERE, "source")).sort().map((name) => `source/${name}`)];
const COMMON = {absWorkingDir: HERE, bundle: true, write: false, format: "iife", target: "es2022", charset: "utf8", legalComments: "none", logLevel: "warning"};

// The page loads the library before it draws, not before its own modules.
const exported = /\{(.*)\}/.exec(readFileSync(join(HERE, "source", "library.js"), "utf8"))[1].split(",").map((name) => name.trim());
const DEFERRED = exported.map((name) => `export const ${name} = (...given) => globalThis.Plot.${name}(...given);`).join("\n");
const LIBRARY_IS_LOADED = {
  name: "library",
  setup(build) {
    build.onResolve({filter: /\/library\.js$/}, () => ({path: "library", namespace: "loaded"}));
    build.onLoad({filter: /.*/, namespace: "loaded"}, () => ({contents: DEFERRED}));
  },
};

function packagesOf(metafile) {
  const names = Object.keys(metafile.inputs).flatMap((path) => {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path);
    const used = Object.values(metafile.outputs).some((output) => output.inputs[path]?.bytesInOutput > 0);
    return found && used ? [found[1]] : [];
  });
  return [...new Set(names)].sort();
}

// One notice for all packages with the same licence text.
function notices(packages) {
  const texts = new Map();
  for (const name of packages) {
    const folder = join(HERE, "node_modules", name);
    const {version} = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    if (!file) throw new Error(`${name} has no licence file`);
    const [holder, ...rest] = readFileSync(join(folder, file), "utf8").trim().split("\n");
    const text = rest.join("\n").trim();
    texts.set(text, [...(texts.get(text) ?? []), `${name} ${version}: ${holder.trim()}`]);
  }
  const found = [...texts].map(([text, names]) => `${names.join("\n")}\n\n${text}`).join("\n\n----\n\n");
  if (found.includes("*/")) throw new Error("a licence would end the comment");
  return `/*\n${found}\n*/\n`;
}

const hash = (content) => createHash("sha256").update(content).digest("hex");

const library = await build({...COMMON, entryPoints: ["source/library.js"], globalName: "Plot", minify: true, metafile: true});
const script = async (entry) => {
  const built = await build({...COMMON, entryPoints: [`source/${entry}.js`], plugins: [LIBRARY_IS_LOADED]});
  return `// Built from harness/page/source by harness/page/build.mjs.\n${built.outputFiles[0].text}`;
};
const made = {
  "plot.js": notices(packagesOf(library.metafile)) + library.outputFiles[0].text,
  "page.js": await script("main"),
  "search.js": await script("search"),
};
for (const [name, text] of Object.entries(made)) {
  if (/<\/script|<!--/i.test(text)) throw new Error(`${name} would end its element`);
  writeFileSync(join(TEMPLATES, name), text);
}
const digests = {
  format: 1,
  sources: Object.fromEntries(SOURCES.map((name) => [name, hash(readFileSync(join(HERE, name)))])),
  made: Object.fromEntries(Object.entries(made).map(([name, text]) => [name, hash(text)])),
};
writeFileSync(join(HERE, "bundle.json"), JSON.stringify(digests, null, 2) + "\n");
for (const [name, text] of Object.entries(made)) console.log(`${name}: ${text.length.toLocaleString("en")} bytes`);
