// What the list of backups and one backup share.

import { Chip } from "../../ui/status.tsx";
import { useWords } from "./words.ts";

/** Where the queries keep what is about backups. */
export const BACKUPS = ["backups"];

export function BackupState({ state }: { state: string }) {
  const words = useWords();
  if (state === "done") return <Chip tone="ok">● {words.done}</Chip>;
  if (state === "failed") return <Chip tone="bad">✕ {words.failed}</Chip>;
  return <Chip tone="info">◌ {words.running}</Chip>;
}
