"""Proves that the official `openai` package for Python works against the gateway as against the original."""

import base64
import json
import unittest

import openai

from place import closed_early, eventually, log_row, place, user


def client(**options):
    settings = {"api_key": place["api_key"], "base_url": place["base_url"], "max_retries": 0, "timeout": 30.0}
    return openai.OpenAI(**{**settings, **options})


class Chat(unittest.TestCase):
    def setUp(self):
        self.client = client()
        self.addCleanup(self.client.close)

    def test_create(self):
        raw = self.client.chat.completions.with_raw_response.create(model="chat", messages=user("Hi"), temperature=0.5)
        answer = raw.parse()
        self.assertEqual(answer.choices[0].message.content, "Grüezi 😀")
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertEqual(answer.usage.total_tokens, 13)
        self.assertEqual(raw.headers["x-ratelimit-remaining-requests"], "59")
        self.assertTrue(raw.headers["x-request-id"].startswith("req_"))
        self.assertEqual(answer._request_id, raw.headers["x-request-id"])

    def test_request_arrives_unchanged(self):
        sent = {"messages": user("Hi"), "temperature": 0.5, "seed": 7, "extra_body": {"x_unknown": {"a": [1, None]}}}
        answer = self.client.chat.completions.create(model="mirror", **sent)
        got = json.loads(answer.choices[0].message.content)
        self.assertEqual(got, {"model": "mirror", "messages": user("Hi"), "temperature": 0.5, "seed": 7, "x_unknown": {"a": [1, None]}})

    def test_stream(self):
        with self.client.chat.completions.create(model="stream", messages=user("Hi"), stream=True) as stream:
            chunks = list(stream)
        self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in chunks), "Grüezi 😀")
        self.assertTrue(all(chunk.usage is None for chunk in chunks))

    def test_stream_with_usage(self):
        stream = self.client.chat.completions.create(model="stream", messages=user("Hi"), stream=True, stream_options={"include_usage": True})
        last = list(stream)[-1]
        self.assertEqual(last.choices, [])
        self.assertEqual(last.usage.total_tokens, 13)

    def test_async_client(self):
        import asyncio

        async def run():
            async with openai.AsyncOpenAI(api_key=place["api_key"], base_url=place["base_url"], max_retries=0) as async_client:
                whole, stream = await asyncio.gather(
                    async_client.chat.completions.create(model="chat", messages=user("Hi")),
                    async_client.chat.completions.create(model="stream", messages=user("Hi"), stream=True),
                )
                text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
                return whole.choices[0].message.content, text

        self.assertEqual(asyncio.run(run()), ("Grüezi 😀", "Grüezi 😀"))

    def test_tools(self):
        tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}} for name in ("weather", "clock")]
        messages = user("Weather and time?")
        first = self.client.chat.completions.create(model="tools", messages=messages, tools=tools, tool_choice="auto")
        self.assertEqual(first.choices[0].finish_reason, "tool_calls")
        calls = first.choices[0].message.tool_calls
        self.assertEqual([(call.id, call.function.name) for call in calls], [("call_1", "weather"), ("call_2", "clock")])
        self.assertEqual(json.loads(calls[0].function.arguments), {"city": "Zürich"})
        messages += [first.choices[0].message, *({"role": "tool", "tool_call_id": call.id, "content": "12"} for call in calls)]
        second = self.client.chat.completions.create(model="tools", messages=messages, tools=tools)
        self.assertEqual(second.choices[0].message.content, "12 degrees")

    def test_streamed_tools(self):
        stream = self.client.chat.completions.create(model="tool-stream", messages=user("Weather?"), stream=True)
        parts = [call for chunk in stream for call in chunk.choices[0].delta.tool_calls or []]
        self.assertEqual(parts[0].function.name, "weather")
        self.assertEqual(json.loads("".join(part.function.arguments for part in parts)), {"city": "Zürich"})

    def test_vision(self):
        picture = base64.b64encode(bytes(300_000)).decode()
        content = [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}", "detail": "low"}},
        ]
        answer = self.client.chat.completions.create(model="mirror", messages=user(content))
        self.assertEqual(json.loads(answer.choices[0].message.content)["messages"][0]["content"], content)

    def test_json_schema(self):
        schema = {
            "type": "json_schema",
            "json_schema": {"name": "city", "strict": True, "schema": {"type": "object", "properties": {"name": {"type": "string"}}}},
        }
        answer = self.client.chat.completions.create(model="schema", messages=user("A city?"), response_format=schema)
        self.assertEqual(json.loads(answer.choices[0].message.content)["name"], "Bern")
        echoed = self.client.chat.completions.create(model="mirror", messages=user("A city?"), response_format=schema)
        self.assertEqual(json.loads(echoed.choices[0].message.content)["response_format"], schema)

    def test_models(self):
        self.assertIn("chat", [model.id for model in self.client.models.list()])
        self.assertEqual(self.client.models.retrieve("chat").id, "chat")

    def test_embedded_model(self):
        answer = self.client.chat.completions.create(model="demo/echo", messages=user("Marco"))
        self.assertIn("Marco", answer.choices[0].message.content)


class Errors(unittest.TestCase):
    def setUp(self):
        self.client = client()
        self.addCleanup(self.client.close)

    def test_of_the_gateway(self):
        with self.assertRaises(openai.NotFoundError) as unknown:
            self.client.chat.completions.create(model="nothing", messages=user("x"))
        self.assertEqual((unknown.exception.code, unknown.exception.param), ("model_not_found", "model"))
        with self.assertRaises(openai.BadRequestError) as bad:
            self.client.chat.completions.create(model="chat", messages="no list")
        self.assertEqual((bad.exception.code, bad.exception.param, bad.exception.type), ("invalid_type", "messages", "invalid_request_error"))
        with client(api_key="sk-nx-aaaaaaaaaaaa-wrong") as stranger, self.assertRaises(openai.AuthenticationError) as wrong:
            stranger.models.list()
        self.assertEqual(wrong.exception.code, "invalid_api_key")

    def test_of_the_upstream(self):
        classes = {
            400: openai.BadRequestError,
            401: openai.AuthenticationError,
            403: openai.PermissionDeniedError,
            404: openai.NotFoundError,
            409: openai.ConflictError,
            422: openai.UnprocessableEntityError,
            429: openai.RateLimitError,
            500: openai.InternalServerError,
            503: openai.InternalServerError,
        }
        for status, expected in classes.items():
            for stream in (False, True):
                with self.subTest(status=status, stream=stream), self.assertRaises(expected) as raised:
                    self.client.chat.completions.create(model=f"status-{status}", messages=user("x"), stream=stream)
                error = raised.exception
                self.assertEqual((error.status_code, error.code, error.param, error.type), (status, f"c{status}", "p", "x"))
                self.assertEqual(error.response.headers["retry-after"], "3")

    def test_a_stream_that_breaks_off(self):
        words = []
        with self.assertRaises(openai.APIError):
            for chunk in self.client.chat.completions.create(model="broken", messages=user("x"), stream=True):
                words.append(chunk.choices[0].delta.content)
        self.assertIn("half", words)


class Leaving(unittest.TestCase):
    def test_time_out(self):
        with client(timeout=0.5) as impatient, self.assertRaises(openai.APITimeoutError):
            impatient.chat.completions.create(model="mute", messages=user("x"))

    def test_abort_of_a_stream(self):
        with client() as leaver:
            before = closed_early("endless")
            raw = leaver.chat.completions.with_raw_response.create(model="endless", messages=user("x"), stream=True)
            with raw.parse() as stream:
                for count, _ in enumerate(stream):
                    if count == 10:
                        break
        eventually(lambda: closed_early("endless") > before, "the upstream seeing the close", within=5.0)
        row = log_row(raw.headers["x-request-id"])
        self.assertEqual((row["outcome"], row["usage_source"]), ("cancelled", "counted"))
        self.assertGreater(row["completion_tokens"], 0)
