// Server-Sent Events, read from a stream: https://html.spec.whatwg.org/multipage/server-sent-events.html

export interface ServerEvent {
  /** What it is called; "message" where it has no name. */
  name: string;
  data: string;
}

/** Reads events in pieces that may be cut anywhere: answers those that are complete, and keeps the rest. Comments and ids are left out. */
export function eventReader(): (piece: string) => ServerEvent[] {
  let rest = "";
  let name = "";
  let data: string[] = [];
  return (piece) => {
    // A line break may be cut as well: "\r" at the end belongs to a "\n" that is still to come.
    const text = rest + piece;
    const end = text.endsWith("\r") ? text.length - 1 : text.length;
    const lines = text.slice(0, end).split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? "") + text.slice(end);
    const events: ServerEvent[] = [];
    for (const line of lines) {
      const value = line.slice(line.indexOf(":") + 1).replace(/^ /, "");
      if (line.startsWith("event:")) name = value;
      else if (line.startsWith("data:")) data.push(value);
      else if (line === "") {
        if (data.length > 0) events.push({ name: name || "message", data: data.join("\n") });
        name = "";
        data = [];
      }
    }
    return events;
  };
}
