// npm `tiktoken`, OpenAI's tokenizer in WebAssembly, set up as its documentation does it on Workers.
import { Tiktoken, init } from "tiktoken/lite/init";
import ranks from "tiktoken/encoders/o200k_base.json";
import module from "./tokenizer.wasm";

let encoding;

export async function load() {
  if (!encoding) {
    await init((imports) => WebAssembly.instantiate(module, imports));
    encoding = new Tiktoken(ranks.bpe_ranks, ranks.special_tokens, ranks.pat_str);
  }
  return (text) => encoding.encode_ordinary(text).length;
}
