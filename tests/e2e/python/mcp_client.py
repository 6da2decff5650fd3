"""The client of `mcp` 2 makes calls at one address and prints what came of each as a line of JSON: `{"text"}` or `{"code", "data"}`.

Its arguments are the address, the API key, the mode (`legacy`, `auto`), and the calls as JSON: a list of names and arguments.
"""

import asyncio
import json
import sys

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError


async def main(url, key, mode, calls):
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            for name, arguments in calls:
                try:
                    result = await asyncio.wait_for(client.call_tool(name, arguments), 30)
                    print(json.dumps({"text": result.content[0].text}))
                except MCPError as thrown:
                    print(json.dumps({"code": thrown.error.code, "data": thrown.error.data}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4], json.loads(sys.argv[4])))
