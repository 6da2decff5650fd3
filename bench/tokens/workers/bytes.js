// No tokenizer, but the text is handed over as UTF-8, which is the least that one in WebAssembly needs.
const encoder = new TextEncoder();

export const load = async () => (text) => encoder.encode(text).length;
