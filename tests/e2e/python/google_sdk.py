"""Proves that the official `google-genai` package for Python works against the gateway, whatever the upstream speaks."""

import asyncio
import unittest

from google import genai
from google.genai import errors, types

from place import place, root

TOOLS = [types.Tool(function_declarations=[
    types.FunctionDeclaration(name=name, description=name, parameters_json_schema={"type": "object", "properties": {}})
    for name in ("weather", "clock")
])]


def client(key=None):
    return genai.Client(api_key=key or place["api_key"], http_options=types.HttpOptions(base_url=root(), timeout=30_000))


def whole(client, stream, **body):
    """Parts, finish reason and usage of an answer, put together from its chunks if it is to be streamed."""
    chunks = list(client.models.generate_content_stream(**body)) if stream else [client.models.generate_content(**body)]
    candidates = [chunk.candidates[0] for chunk in chunks if chunk.candidates]
    parts = [part for one in candidates if one.content for part in one.content.parts or []]
    finish = next((one.finish_reason for one in reversed(candidates) if one.finish_reason), None)
    usage = next((chunk.usage_metadata for chunk in reversed(chunks) if chunk.usage_metadata), None)
    return parts, finish, usage


def text_of(parts):
    return "".join(part.text or "" for part in parts if not part.thought)


class Generate(unittest.TestCase):
    def setUp(self):
        self.client = client()

    def test_text(self):
        for model in ("chat", "claude", "gemini"):
            for stream in (False, True):
                with self.subTest(model=model, stream=stream):
                    config = types.GenerateContentConfig(system_instruction="Be brief.", max_output_tokens=50)
                    parts, finish, usage = whole(self.client, stream, model=model, contents="Hi", config=config)
                    self.assertEqual((text_of(parts), finish), ("Grüezi 😀", types.FinishReason.STOP))
                    self.assertEqual((usage.prompt_token_count, usage.candidates_token_count), (9, 4))

    def test_tools_there_and_back(self):
        disabled = types.AutomaticFunctionCallingConfig(disable=True)
        config = types.GenerateContentConfig(tools=TOOLS, automatic_function_calling=disabled)
        for model in ("tools", "claude-tools", "gemini-tools"):
            for stream in (False, True):
                with self.subTest(model=model, stream=stream):
                    asked = types.Content(role="user", parts=[types.Part(text="Weather and time?")])
                    said, _, _ = whole(self.client, stream, model=model, contents=[asked], config=config)
                    calls = [part.function_call for part in said if part.function_call]
                    self.assertEqual([(call.name, call.args) for call in calls], [("weather", {"city": "Zürich"}), ("clock", {})])
                    results = [
                        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"n": 12}))
                        for call in calls
                    ]
                    contents = [asked, types.Content(role="model", parts=said), types.Content(role="user", parts=results)]
                    parts, _, _ = whole(self.client, stream, model=model, contents=contents, config=config)
                    self.assertEqual(text_of(parts), "12 degrees")

    def test_chat(self):
        chat = self.client.chats.create(model="chat")
        self.assertEqual(chat.send_message("Hi").text, "Grüezi 😀")
        self.assertEqual("".join(chunk.text or "" for chunk in chat.send_message_stream("And?")), "Grüezi 😀")

    def test_async_client(self):
        async def run():
            return (await self.client.aio.models.generate_content(model="chat", contents="Hi")).text

        self.assertEqual(asyncio.run(run()), "Grüezi 😀")

    def test_count_tokens(self):
        counted = self.client.models.count_tokens(model="chat", contents="The quick brown fox jumps over the lazy dog.")
        self.assertTrue(5 < counted.total_tokens < 30, counted.total_tokens)

    def test_models(self):
        self.assertIn("models/chat", [model.name for model in self.client.models.list()])


class Errors(unittest.TestCase):
    def setUp(self):
        self.client = client()

    def test_of_the_gateway(self):
        with self.assertRaises(errors.ClientError) as unknown:
            self.client.models.generate_content(model="nothing", contents="x")
        self.assertEqual((unknown.exception.code, unknown.exception.status), (404, "NOT_FOUND"))
        stranger = client("sk-nx-aaaaaaaaaaaa-wrong")
        with self.assertRaises(errors.ClientError) as wrong:
            stranger.models.generate_content(model="chat", contents="x")
        self.assertEqual((wrong.exception.code, wrong.exception.status), (401, "UNAUTHENTICATED"))

    def test_of_the_upstream(self):
        for status, expected in {400: errors.ClientError, 429: errors.ClientError, 500: errors.ServerError}.items():
            for stream in (False, True):
                with self.subTest(status=status, stream=stream), self.assertRaises(expected) as raised:
                    whole(self.client, stream, model=f"status-{status}", contents="x")
                self.assertEqual(raised.exception.code, status)
                self.assertIn(f"no luck {status}", str(raised.exception))

    def test_a_stream_that_breaks_off(self):
        with self.assertRaises(Exception):
            whole(self.client, True, model="broken", contents="x")
