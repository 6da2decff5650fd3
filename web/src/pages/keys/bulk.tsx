// What is done with several keys at once: one call after another, with how far it is, and which did not take it.

import { useState } from "react";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm } from "../../ui/dialog.tsx";
import { Progress } from "../../ui/progress.tsx";
import { Failure } from "../../ui/states.tsx";
import { type Key, useKeyWrites } from "./queries.ts";
import { useWords } from "./words.ts";

type Act = "enable" | "disable" | "remove";

interface Props {
  chosen: Key[];
  /** The keys that are left when it is done: those that did not take it. */
  onDone: (left: string[]) => void;
  onAll: () => void;
  onClose: () => void;
}

export function Bulk({ chosen, onDone, onAll, onClose }: Props) {
  const words = useWords();
  const writes = useKeyWrites();
  const [asks, setAsks] = useState<Act | null>(null);
  const [done, setDone] = useState<number | null>(null);
  const [failed, setFailed] = useState<{ key: Key; error: unknown }[]>([]);
  const run = async (act: Act) => {
    setAsks(null);
    const problems: typeof failed = [];
    for (const [at, key] of chosen.entries()) {
      setDone(at);
      try {
        if (act === "remove") await writes.quiet.remove(key.id);
        else await writes.quiet.update(key.id, { enabled: act === "enable" });
      } catch (error) {
        problems.push({ key, error });
      }
    }
    await writes.readAnew();
    setDone(null);
    setFailed(problems);
    onDone(problems.map(({ key }) => key.id));
  };
  const isBusy = done !== null;
  const none = chosen.length === 0 || isBusy;
  return (
    <div className="mb-3 rounded-m border border-line bg-sunken px-3 py-2">
      <div className="flex flex-wrap items-center gap-2">
        <span role="status" className="mr-2 font-medium">
          {isBusy ? words.bulkDone(done, chosen.length) : words.bulkChosen(chosen.length)}
        </span>
        <Button look="quiet" disabled={isBusy} onClick={onAll}>
          {words.bulkAll}
        </Button>
        <Button icon="play" disabled={none} onClick={() => run("enable")}>
          {words.enable}
        </Button>
        <Button icon="pause" disabled={none} onClick={() => setAsks("disable")}>
          {words.disable}
        </Button>
        <Button look="danger" icon="trash" disabled={none} onClick={() => setAsks("remove")}>
          {words.remove2}
        </Button>
        <Button look="quiet" icon="close" className="ml-auto" disabled={isBusy} onClick={onClose}>
          {words.bulkEnd}
        </Button>
      </div>
      {isBusy && <Progress share={done / chosen.length} label={words.bulkDone(done, chosen.length)} />}
      {failed.map(({ key, error }) => (
        <Failure key={key.id} error={error} title={visible(key.name)} />
      ))}
      {asks && (
        <Confirm
          title={asks === "remove" ? words.remove2 : words.disable}
          consequence={asks === "remove" ? words.bulkRemove(chosen.length) : words.bulkDisable(chosen.length)}
          action={asks === "remove" ? words.remove2 : words.disable}
          onConfirm={() => run(asks)}
          onClose={() => setAsks(null)}
        />
      )}
    </div>
  );
}
