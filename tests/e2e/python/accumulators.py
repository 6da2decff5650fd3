"""The streams that callers get, added up by the official SDKs for Python and by langchain-openai.

Every golden stream of crates/core/tests/golden is served as it stands there. The SDKs raise where a delta lacks what they
expect, and what they add up must be what the unstreamed golden answer of the same name says. Needs no gateway.
"""

import http.server
import json
import pathlib
import re
import threading
import unittest
import unittest.mock

import anthropic
import langchain_openai
import openai
from google import genai

GOLDEN = pathlib.Path(__file__).resolve().parents[3] / "crates" / "core" / "tests" / "golden"
QUESTION = [{"role": "user", "content": "q"}]

# Shared, because a client of its own for every stream takes ten times as long as reading the stream.
HTTP, ASYNC_HTTP = openai.DefaultHttpxClient(), openai.DefaultAsyncHttpxClient()
OPENAI = openai.OpenAI(api_key="k", max_retries=0, http_client=HTTP)
ANTHROPIC = anthropic.Anthropic(api_key="k", max_retries=0)


def golden(kind, pair, name):
    """The text of a snapshot. insta leaves out the line feeds at its end."""
    text = (GOLDEN / kind / pair / f"{name}.snap").read_text()
    return text[text.index("---\n", 4) + 4 :].rstrip() + "\n\n"


def whole(pair, name):
    """The unstreamed answer of the same name; None if there is none, or if it is an error."""
    if not (GOLDEN / "responses" / pair / f"{name}.snap").exists():
        return None
    answer = json.loads(golden("responses", pair, name))
    return None if answer.get("error") else answer


class Streams(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        _, pair, name, *_ = self.path.split("/")
        body = golden("streams", pair, name).encode()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Accumulated(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Streams)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.address = f"http://127.0.0.1:{cls.server.server_port}"

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def every_stream(self, dialect, read, expected):
        """`read` answers what was added up, `expected` the same of an unstreamed answer."""
        count = 0
        for pair in sorted((GOLDEN / "streams").glob(f"*-to-{dialect}")):
            for file in sorted(pair.glob("*.snap")):
                with self.subTest(f"{pair.name}/{file.stem}"):
                    count += 1
                    address = f"{self.address}/{pair.name}/{file.stem}"
                    if re.search(r'^(event: error|data: \{"error")', golden("streams", pair.name, file.stem), re.M):
                        with self.assertRaises(Exception):
                            read(address)
                        continue
                    found = read(address)
                    answer = whole(pair.name, file.stem)
                    if answer:
                        self.assertEqual(found, expected(answer))
        self.assertGreater(count, 80)

    def test_openai_chat(self):
        def of_completion(answer):
            message = answer["choices"][0]["message"]
            calls = message.get("tool_calls") or []
            return {
                "text": message.get("content") or "",
                "refusal": message.get("refusal"),
                "reasoning": message.get("reasoning_content") or "",
                "calls": [
                    (call["id"], call["function"]["name"], call["function"]["arguments"], call.get("extra_content"))
                    for call in calls
                ],
                "annotations": len(message.get("annotations") or []),
                "images": len(message.get("images") or []),
                "finish": answer["choices"][0]["finish_reason"],
            }

        def read(address):
            client = OPENAI.with_options(base_url=address)
            with client.chat.completions.stream(model="m", messages=QUESTION) as stream:
                try:
                    for _ in stream:
                        pass
                    answer = stream.get_final_completion()
                # Its way to tell these two ends, with everything that was added up.
                except openai.LengthFinishReasonError as error:
                    answer = error.completion
                except openai.ContentFilterFinishReasonError as error:
                    answer = error.completion
                return of_completion(answer.model_dump())

        self.every_stream("openai", read, of_completion)

    def test_openai_completions(self):
        def read(address):
            client = OPENAI.with_options(base_url=address)
            text, finish = "", None
            for chunk in client.completions.create(model="m", prompt="q", stream=True):
                for choice in chunk.choices:
                    if choice.index == 0:
                        text, finish = text + choice.text, choice.finish_reason or finish
            return text, finish

        self.every_stream(
            "openai_legacy",
            read,
            lambda answer: (answer["choices"][0]["text"], answer["choices"][0]["finish_reason"]),
        )

    def test_openai_responses(self):
        def of_response(answer):
            items = []
            for item in answer["output"]:
                parts = item.get("content") or []
                texts = [part.get("text") or part.get("refusal") or "" for part in parts]
                items.append((item["type"], item.get("name"), item.get("arguments"), texts))
            details = answer["incomplete_details"]
            return answer["status"], details and details["reason"], items

        def read(address):
            client = OPENAI.with_options(base_url=address)
            with client.responses.stream(model="m", input="q") as stream:
                last = None
                for event in stream:
                    if event.type == "error":
                        raise RuntimeError(event)
                    last = event
            # `get_final_response` takes only completed responses.
            return of_response(last.response.model_dump())

        self.every_stream("responses", read, of_response)

    def test_anthropic(self):
        def of_message(answer):
            blocks = [
                {key: block.get(key) for key in ("type", "text", "thinking", "signature", "id", "name", "input")}
                for block in answer["content"]
            ]
            return blocks, answer["stop_reason"], answer["stop_sequence"]

        def read(address):
            client = ANTHROPIC.with_options(base_url=address)
            with client.messages.stream(model="m", max_tokens=9, messages=QUESTION) as stream:
                return of_message(stream.get_final_message().model_dump())

        self.every_stream("anthropic", read, of_message)

    def test_google(self):
        def add(candidates, found):
            for candidate in candidates or []:
                if candidate.get("index") or 0:
                    continue
                for part in (candidate.get("content") or {}).get("parts") or []:
                    if part.get("text") and not part.get("thought"):
                        found["text"] += part["text"]
                    call = part.get("functionCall") or part.get("function_call")
                    if call:
                        found["calls"].append((call["id"], call["name"], call.get("args") or {}))
                found["finish"] = candidate.get("finishReason") or candidate.get("finish_reason") or found["finish"]
            return found

        def read(address):
            options = genai.types.HttpOptions(base_url=address)
            client = genai.Client(api_key="k", http_options=options)
            found = {"text": "", "calls": [], "finish": None}
            for chunk in client.models.generate_content_stream(model="m", contents="q"):
                add(chunk.model_dump(mode="json")["candidates"], found)
            return found

        self.every_stream(
            "gemini", read, lambda answer: add(answer["candidates"], {"text": "", "calls": [], "finish": None})
        )

    def test_langchain_openai(self):
        def of_completion(answer):
            message = answer["choices"][0]["message"]
            calls = [(call["id"], call["function"]) for call in message.get("tool_calls") or []]
            # The client lists calls of custom tools, whose input is free text, apart.
            return message.get("content") or "", [
                (id, function["name"], json.loads(function["arguments"]))
                for id, function in calls
                if function["arguments"].startswith("{")
            ]

        def read(address):
            model = langchain_openai.ChatOpenAI(
                model="m", api_key="k", base_url=address, max_retries=0, http_client=HTTP, http_async_client=ASYNC_HTTP
            )
            total = None
            for chunk in model.stream("q"):
                total = chunk if total is None else total + chunk
            return total.text, [(call["id"], call["name"], call["args"]) for call in total.tool_calls]

        # The client knows one choice.
        def expected(answer):
            return of_completion(answer) if len(answer["choices"]) < 2 else unittest.mock.ANY

        self.every_stream("openai", read, expected)


if __name__ == "__main__":
    unittest.main()
