"""LangChain's adapter of the Model Context Protocol as a client of `/mcp`: tools, calls and their errors, prompts and resources."""

import asyncio
import unittest

import mcp
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools

from place import place, root


def client(path="/mcp", **options):
    headers = {"Authorization": f"Bearer {place['tools_key']}"}
    connection = {"transport": "streamable_http", "url": root() + path, "headers": headers}
    return MultiServerMCPClient({"nexus": connection}, **options)


async def tools_of(path="/mcp", **options):
    return {tool.name: tool for tool in await client(path, **options).get_tools()}


def called(name, arguments):
    return {"type": "tool_call", "id": "call_1", "name": name, "args": arguments}


class LangChain(unittest.IsolatedAsyncioTestCase):
    async def test_tools_are_listed_with_their_schemas(self):
        tools = await tools_of()
        self.assertLessEqual({"modern__echo", "modern__add", "legacy__echo"}, tools.keys())
        echo = tools["modern__echo"]
        self.assertEqual(echo.description, "Says it again.")
        self.assertEqual(echo.args_schema["required"], ["text"])
        self.assertTrue(echo.metadata["readOnlyHint"])
        self.assertLessEqual({"echo", "add"}, (await tools_of("/mcp/server/modern")).keys())

    async def test_a_call_gives_what_the_tool_says(self):
        tools = await tools_of()
        said = await asyncio.gather(
            *(tools[name].ainvoke(called(name, {"text": "Grüezi 😀"})) for name in ("modern__echo", "legacy__echo"))
        )
        for message in said:
            self.assertEqual((message.status, message.tool_call_id), ("success", "call_1"))
            self.assertEqual([block["text"] for block in message.content], ["Grüezi 😀"])
        added = await tools["modern__add"].ainvoke(called("modern__add", {"a": 1, "b": 2}))
        self.assertEqual(added.artifact, {"structured_content": {"sum": 3}})

    async def test_an_error_of_a_tool_is_a_message_for_the_model(self):
        failing = (await tools_of())["modern__fail"]
        message = await failing.ainvoke(called("modern__fail", {}))
        self.assertEqual((message.status, message.content[0]["text"]), ("error", "no tool fail"))
        raising = (await tools_of(handle_tool_errors=False))["modern__fail"]
        with self.assertRaisesRegex(Exception, "no tool fail"):
            await raising.ainvoke(called("modern__fail", {}))

    async def test_an_unknown_tool_is_an_exception_that_says_so(self):
        async with client().session("nexus") as session:
            with self.assertRaises(mcp.McpError) as unknown:
                await session.call_tool("modern__nothing", {})
        self.assertEqual(unknown.exception.error.data, {"code": "tool_not_found"})

    async def test_a_tool_that_is_not_granted_is_not_listed_and_a_call_of_it_is_refused_alone(self):
        self.assertNotIn("legacy__add", await tools_of())
        async with client("/mcp/server/legacy").session("nexus") as session:
            with self.assertRaises(mcp.McpError) as refused:
                await asyncio.wait_for(session.call_tool("add", {"a": 1, "b": 2}), 30)
            self.assertEqual(refused.exception.error.data, {"code": "tool_not_allowed"})
            said = await asyncio.wait_for(session.call_tool("echo", {"text": "still here"}), 30)
        self.assertEqual(said.content[0].text, "still here")

    async def test_a_call_that_is_too_deep_is_refused_alone(self):
        deep = "end"
        for _ in range(80):
            deep = [deep]
        async with client("/mcp/server/modern").session("nexus") as session:
            with self.assertRaises(mcp.McpError) as refused:
                await asyncio.wait_for(session.call_tool("echo", {"text": "a", "deep": deep}), 30)
            self.assertEqual(refused.exception.error.code, -32600)
            said = await asyncio.wait_for(session.call_tool("echo", {"text": "still here"}), 30)
        self.assertEqual(said.content[0].text, "still here")

    async def test_a_resource_is_read(self):
        blobs = await client().get_resources("nexus", uris=["nexus://modern/memo:shared"])
        self.assertEqual(blobs[0].as_string(), "memo:shared of modern")
