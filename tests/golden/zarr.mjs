// Writes the arrays that tests/lua/zarr_test.lua reads, with the npm package zarrita 0.7.5:
// node tests/golden/zarr.mjs (after `npm install zarrita` in a folder above).
import fs from "fs";
import path from "path";
import { fileURLToPath } from "url";
import * as zarr from "zarrita";

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), "zarr");
const bytes = { name: "bytes", configuration: { endian: "little" } };
const zstd = { name: "zstd", configuration: { level: 1, checksum: true } };

class Store {
  constructor(root) { this.root = root; }
  async get(key) {
    const file = path.join(this.root, key);
    return fs.existsSync(file) ? new Uint8Array(fs.readFileSync(file)) : undefined;
  }
  async set(key, value) {
    const file = path.join(this.root, key);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, value);
  }
}

for (const [name, dtype, codecs, fill, data] of [
  ["zstd", "float64", [bytes, zstd], NaN, Float64Array.from({ length: 12 }, (_, i) => i / 4)],
  ["plain", "int32", [bytes], 7, Int32Array.from({ length: 12 }, (_, i) => i)],
  ["turned", "float32", [{ name: "transpose", configuration: { order: [1, 0] } },
    { name: "bytes", configuration: { endian: "big" } }], 7,
    Float32Array.from({ length: 12 }, (_, i) => i)],
  ["unsigned", "uint16", [bytes, zstd], 7, Uint16Array.from({ length: 12 }, (_, i) => i)],
]) {
  const root = path.join(folder, name + ".zarr");
  fs.rmSync(root, { recursive: true, force: true });
  const a = await zarr.create(new Store(root), {
    shape: [5, 3], chunk_shape: [2, 2], chunkShape: [2, 2], dtype, data_type: dtype, codecs,
    fill_value: fill, fillValue: fill, attributes: { unit: "USD", shape: [1] },
  });
  await zarr.set(a, [zarr.slice(0, 4), null], { data, shape: [4, 3], stride: [3, 1] });
}
