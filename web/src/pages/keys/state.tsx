// Whether a key works.

import { Chip } from "../../ui/status.tsx";
import type { Key } from "./queries.ts";
import { useWords } from "./words.ts";

export function KeyState({ item }: { item: Key }) {
  const words = useWords();
  if (!item.enabled) return <Chip tone="bad">✕ {words.disabled}</Chip>;
  if (item.expires_at !== null && item.expires_at < Date.now()) return <Chip tone="warn">▲ {words.expired}</Chip>;
  if (item.previous_expires_at !== null && item.previous_expires_at > Date.now())
    return <Chip tone="info">◆ {words.rotating}</Chip>;
  return <Chip tone="ok">● {words.active}</Chip>;
}
