// `npm run bench -- size`: the bytes of Dacapo that an app's user downloads. Each entry is bundled with its
// dependencies, minified, and compressed like a server does. The domain and its schema library belong to the app and
// are not included. A second table shows which modules hold the bytes.
import { printTable, writeResult } from "./support/results.ts";
import { bundleEntries, bytesByModule, compressedSizes } from "./support/bundle-sizes.ts";

const bundles = await bundleEntries();
const sizes = bundles.map(({ name, code }) => ({ name, ...compressedSizes(code) }));
printTable(
  ["", "minified", "gzip", "brotli"],
  sizes.map(({ name, minified, gzip, brotli }) => [name, minified, gzip, brotli]),
);
const modules = bundles.map(({ name, code, map }) => ({ name, modules: bytesByModule(code, map) }));
for (const { name, modules: bytes } of modules) {
  console.log(`\n${name}, minified bytes of each module`);
  printTable(
    ["", "minified"],
    bytes.map(([module, count]) => [module, count]),
  );
}
writeResult("size", {
  bytes: Object.fromEntries(sizes.map(({ name, ...bytes }) => [name, bytes])),
  modules: Object.fromEntries(modules.map(({ name, modules: bytes }) => [name, Object.fromEntries(bytes)])),
});
