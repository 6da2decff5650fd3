// npm `gpt-tokenizer`, in JavaScript.
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";

export const load = async () => (text) =>
  countTokens(text, { allowedSpecial: new Set(), disallowedSpecial: new Set() });
