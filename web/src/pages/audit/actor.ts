// Who did something, as it is said to people.

import { visible } from "../../lib/format.ts";
import { useWords } from "./words.ts";

export function useActor(): (actor: string) => string {
  const words = useWords();
  return (actor) => {
    const [kind, id = ""] = actor.split(/:(.*)/s);
    if (actor === "admin_token") return words.adminToken;
    if (kind === "user") return words.user(visible(id));
    if (kind === "program") return words.program(visible(id));
    return actor === "unknown" ? words.unknown : visible(actor);
  };
}
