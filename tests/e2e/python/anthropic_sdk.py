"""Proves that the official `anthropic` package for Python works against the gateway, whatever the upstream speaks."""

import asyncio
import unittest

import anthropic

from place import log_row, place, root, sent_to, user

TOOLS = [
    {"name": name, "description": name, "input_schema": {"type": "object", "properties": {}}} for name in ("weather", "clock")
]


def client(**options):
    settings = {"api_key": place["api_key"], "base_url": root(), "max_retries": 0, "timeout": 30.0}
    return anthropic.Anthropic(**{**settings, **options})


def whole(client, stream, **body):
    """A message, put together from its events if it is to be streamed."""
    if not stream:
        return client.messages.create(**body)
    with client.messages.stream(**body) as events:
        return events.get_final_message()


class Messages(unittest.TestCase):
    def setUp(self):
        self.client = client()
        self.addCleanup(self.client.close)

    def test_text(self):
        for model in ("chat", "claude", "gemini"):
            for stream in (False, True):
                with self.subTest(model=model, stream=stream):
                    answer = whole(self.client, stream, model=model, max_tokens=50, messages=user("Hi"), system="Be brief.")
                    self.assertEqual([block.text for block in answer.content], ["Grüezi 😀"])
                    self.assertEqual((answer.stop_reason, answer.usage.input_tokens, answer.usage.output_tokens), ("end_turn", 9, 4))

    def test_usage_is_recorded(self):
        raw = self.client.messages.with_raw_response.create(model="chat", max_tokens=50, messages=user("Hi"))
        row = log_row(raw.headers["x-request-id"])
        self.assertEqual((row["usage_source"], row["prompt_tokens"], row["completion_tokens"]), ("reported", 9, 4))

    def test_tools_there_and_back(self):
        for model in ("tools", "claude-tools", "gemini-tools"):
            for stream in (False, True):
                with self.subTest(model=model, stream=stream):
                    messages = user("Weather and time?")
                    body = {"model": model, "max_tokens": 50, "tools": TOOLS}
                    first = whole(self.client, stream, messages=messages, **body)
                    self.assertEqual(first.stop_reason, "tool_use")
                    calls = [block for block in first.content if block.type == "tool_use"]
                    self.assertEqual([(call.name, call.input) for call in calls], [("weather", {"city": "Zürich"}), ("clock", {})])
                    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "12"} for call in calls]
                    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
                    second = whole(self.client, stream, messages=messages, **body)
                    self.assertEqual(second.content[0].text, "12 degrees")

    def test_thinking_there_and_back(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                body = {"model": "claude-thinking", "max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
                first = whole(self.client, stream, messages=user("Hi"), **body)
                self.assertEqual([block.type for block in first.content], ["thinking", "text"])
                messages = [*user("Hi"), {"role": "assistant", "content": first.content}, *user("And?")]
                whole(self.client, stream, messages=messages, **body)
                replayed = sent_to("claude-thinking")["messages"][1]["content"][0]
                self.assertEqual((replayed["thinking"], replayed["signature"]), ("Hm. 漢字", "c2lnbmF0dXJl"))

    def test_async_client(self):
        async def run():
            async with anthropic.AsyncAnthropic(api_key=place["api_key"], base_url=root(), max_retries=0) as async_client:
                body = {"model": "chat", "max_tokens": 50, "messages": user("Hi")}
                async with async_client.messages.stream(**body) as stream:
                    text = "".join([piece async for piece in stream.text_stream])
                return (await async_client.messages.create(**body)).content[0].text, text

        self.assertEqual(asyncio.run(run()), ("Grüezi 😀", "Grüezi 😀"))

    def test_count_tokens(self):
        counted = self.client.messages.count_tokens(model="chat", messages=user("The quick brown fox jumps over the lazy dog."))
        self.assertTrue(5 < counted.input_tokens < 30, counted.input_tokens)

    def test_models(self):
        listed = [model.id for model in self.client.models.list()]
        self.assertIn("chat", listed)
        self.assertEqual(self.client.models.retrieve("chat").type, "model")


class Errors(unittest.TestCase):
    def setUp(self):
        self.client = client()
        self.addCleanup(self.client.close)

    def test_of_the_gateway(self):
        with self.assertRaises(anthropic.NotFoundError) as unknown:
            self.client.messages.create(model="nothing", max_tokens=5, messages=user("x"))
        self.assertEqual(unknown.exception.body["error"]["type"], "not_found_error")
        with client(api_key="sk-nx-aaaaaaaaaaaa-wrong") as stranger, self.assertRaises(anthropic.AuthenticationError):
            stranger.models.list()

    def test_of_the_upstream(self):
        classes = {
            400: anthropic.BadRequestError,
            401: anthropic.AuthenticationError,
            403: anthropic.PermissionDeniedError,
            404: anthropic.NotFoundError,
            429: anthropic.RateLimitError,
            500: anthropic.InternalServerError,
        }
        for status, expected in classes.items():
            for stream in (False, True):
                with self.subTest(status=status, stream=stream), self.assertRaises(expected) as raised:
                    whole(self.client, stream, model=f"status-{status}", max_tokens=5, messages=user("x"))
                self.assertEqual(raised.exception.response.headers["retry-after"], "3")
                self.assertIn(f"no luck {status}", str(raised.exception))

    def test_a_stream_that_breaks_off(self):
        with self.assertRaises(anthropic.APIError):
            whole(self.client, True, model="broken", max_tokens=5, messages=user("x"))
