// One column: a model, its turns, and the line that they go over. Frames are taken in once a frame of the screen, so that a fast
// model does not draw a hundred times a second.

import { useCallback, useEffect, useRef, useState } from "react";
import { ChatLine, type Settings, askOverHttp, configOf } from "../../api/chat.ts";
import { ApiFailure } from "../../api/client.ts";
import {
  type Content,
  type Frame,
  type ToolResult,
  type Turn,
  apply,
  isOver,
  messagesOf,
  newTurn,
} from "../../lib/chat.ts";

/** Frames that the raw view keeps. */
const RAW = 400;

export interface Column {
  turns: Turn[];
  raw: string[];
  line: "open" | "lost" | "resumed" | null;
  isBusy: boolean;
  isHttp: boolean;
  session: string | undefined;
  ask: (content: Content) => void;
  stop: () => void;
  again: () => void;
  /** Answers what the last turn called. A session takes no such answers, so the whole history is sent from there on. */
  answer: (results: ToolResult[]) => void;
  /** Leaves out a turn and what follows it; the next question is asked from there. */
  cut: (index: number) => void;
}

export function useColumn(model: string, actAs: string, settings: Settings, canKeep: boolean): Column {
  const [turns, setTurns] = useState<Turn[]>([]);
  const [raw, setRaw] = useState<string[]>([]);
  const [line, setLine] = useState<Column["line"]>(null);
  const [isEdited, setEdited] = useState(false);
  const socket = useRef<ChatLine | undefined>(undefined);
  const abort = useRef<AbortController | undefined>(undefined);
  const queue = useRef<Frame[]>([]);
  const isHttp = !canKeep || isEdited;

  const take = useCallback((frame: Frame) => {
    if (queue.current.push(frame) > 1) return;
    requestAnimationFrame(() => {
      const frames = queue.current.splice(0);
      const now = Date.now();
      setTurns((before) => frames.reduce((state, each) => apply(state, each, now), before));
      setRaw((before) => [...before, ...frames.map((each) => JSON.stringify(each))].slice(-RAW));
    });
  }, []);

  const fail = useCallback(
    (error: unknown) => {
      const failure = error instanceof ApiFailure ? error : undefined;
      if (error instanceof DOMException && error.name === "AbortError")
        take({ type: "done", finish_reason: "stopped" });
      else take({ type: "error", code: failure?.code ?? "no_connection", message: failure?.message ?? String(error) });
    },
    [take],
  );

  // Another key, or leaving the page, ends the line; the session stays at the gateway.
  useEffect(() => {
    void actAs;
    return () => {
      socket.current?.close();
      socket.current = undefined;
      abort.current?.abort();
    };
  }, [actAs]);

  const lineOf = () => (socket.current ??= new ChatLine(actAs, { onFrame: take, onLine: setLine, onFailure: fail }));
  const overHttp = (history: Turn[]) => {
    abort.current = new AbortController();
    askOverHttp(
      { actAs, model, messages: messagesOf(history, settings.system), settings, signal: abort.current.signal },
      take,
    ).catch(fail);
  };
  const begin = (history: Turn[], content: Content, frame: Record<string, unknown>, results?: ToolResult[]) => {
    const turn = newTurn(crypto.randomUUID?.() ?? String(Math.random()), content, Date.now(), results);
    const next = [...history, turn];
    setTurns(next);
    if (isHttp || results) overHttp(next);
    else lineOf().send({ ...frame, model, config: configOf(settings), id: turn.id });
  };

  return {
    turns,
    raw,
    line,
    isHttp,
    isBusy: turns.some((turn) => !isOver(turn)),
    session: socket.current?.session,
    ask: (content) => begin(turns, content, { type: "message", content }),
    stop: () => (isHttp ? abort.current?.abort() : lineOf().send({ type: "stop" })),
    again: () => {
      const last = turns.at(-1);
      if (last) begin(turns.slice(0, -1), last.asked, { type: "regenerate" }, last.results);
    },
    answer: (results) => {
      setEdited(true);
      begin(turns, "", {}, results);
    },
    cut: (index) => {
      setTurns(turns.slice(0, index));
      setEdited(true);
    },
  };
}
