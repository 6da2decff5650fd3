// What is asked: text, pictures, and one button for all columns.

import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { Content } from "../../lib/chat.ts";
import { pictureOf } from "../../lib/picture.ts";
import { Button } from "../../ui/button.tsx";
import { useWords } from "./words.ts";

interface Props {
  text: string;
  onText: (text: string) => void;
  isBusy: boolean;
  isEditing: boolean;
  onSend: (content: Content) => void;
  onStop: () => void;
  onNotEdit: () => void;
  canSend: boolean;
}

export function Composer({ text, onText, isBusy, isEditing, onSend, onStop, onNotEdit, canSend }: Props) {
  const words = useWords();
  const [pictures, setPictures] = useState<string[]>([]);
  const [problem, setProblem] = useState("");
  const area = useRef<HTMLTextAreaElement>(null);
  const file = useRef<HTMLInputElement>(null);
  // As high as its text, within bounds.
  useEffect(() => {
    const element = area.current;
    if (!element || text === undefined) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(240, element.scrollHeight + 2)}px`;
  }, [text]);
  const send = () => {
    if (!text.trim() || isBusy || !canSend) return;
    const parts = pictures.map((url) => ({ type: "image_url" as const, image_url: { url } }));
    onSend(parts.length > 0 ? [{ type: "text", text: text.trim() }, ...parts] : text.trim());
    onText("");
    setPictures([]);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
      event.preventDefault();
      send();
    }
  };
  const add = async (files: FileList | null) => {
    const made = await Promise.all([...(files ?? [])].map((each) => pictureOf(each).catch(() => null)));
    setProblem(made.includes(null) ? words.imageTooLarge : "");
    setPictures((before) => [...before, ...made.filter((address) => address !== null)]);
  };
  return (
    <div className="border-t border-line bg-bg px-4 py-3 sm:px-6">
      {isEditing && (
        <p className="mb-2 flex flex-wrap items-center gap-2 text-table text-warn">
          {words.editing}
          <Button onClick={onNotEdit}>{words.notEdit}</Button>
        </p>
      )}
      {problem && (
        <p role="alert" className="mb-2 text-table text-bad">
          {problem}
        </p>
      )}
      {pictures.length > 0 && (
        <ul className="mb-2 flex gap-2">
          {pictures.map((picture, index) => (
            <li key={picture.slice(-40)} className="relative">
              <img src={picture} alt="" className="h-16 rounded-s border border-line" />
              <span className="absolute -top-1 -right-1 rounded-s bg-surface">
                <Button
                  look="quiet"
                  icon="close"
                  className="min-h-6! w-6!"
                  aria-label={words.removeImage}
                  onClick={() => setPictures(pictures.toSpliced(index, 1))}
                />
              </span>
            </li>
          ))}
        </ul>
      )}
      <div className="flex items-end gap-2">
        <textarea
          ref={area}
          data-filter
          rows={2}
          aria-label={words.ask}
          placeholder={words.ask}
          value={text}
          onChange={(event) => onText(event.target.value)}
          onKeyDown={onKey}
          className="control flex-1 resize-none"
        />
        <input ref={file} type="file" accept="image/*" multiple hidden onChange={(event) => add(event.target.files)} />
        <Button
          look="quiet"
          icon="plus"
          aria-label={words.image}
          title={words.image}
          onClick={() => file.current?.click()}
        />
        {isBusy ? (
          <Button icon="stop" onClick={onStop}>
            {words.stop}
          </Button>
        ) : (
          <Button look="primary" icon="send" onClick={send} disabled={!text.trim() || !canSend} title={words.askHint}>
            {words.send}
          </Button>
        )}
      </div>
    </div>
  );
}
