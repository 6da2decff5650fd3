// Ours, as a module of its own.
import module from "./tokenizer.wasm";

let exports;
const encoder = new TextEncoder();

export async function load() {
  exports ??= new WebAssembly.Instance(module, {}).exports;
  return (text) => {
    // Its memory never shrinks: no more is taken of it than the text is long.
    const bytes = encoder.encode(text);
    const at = exports.take(bytes.length);
    new Uint8Array(exports.memory.buffer, at, bytes.length).set(bytes);
    return exports.count(at, bytes.length, bytes.length);
  };
}
