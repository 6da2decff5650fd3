// Ours, as a module of its own.
import module from "./tokenizer.wasm";

let exports;
const encoder = new TextEncoder();

export async function load() {
  exports ??= new WebAssembly.Instance(module, {}).exports;
  return (text) => {
    const capacity = text.length * 3;
    const at = exports.take(capacity);
    const { written } = encoder.encodeInto(text, new Uint8Array(exports.memory.buffer, at, capacity));
    return exports.count(at, capacity, written);
  };
}
