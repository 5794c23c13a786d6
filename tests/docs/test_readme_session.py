"""The README's shell session, run as it stands against a gateway started as it says."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.support.catalog import names_of

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 60


def session() -> str:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return str(next(block for block in blocks if "export GATEWAY_URL" in block))


@contextlib.asynccontextmanager
async def dev(directory: Path) -> AsyncIterator[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "mcp_gateway.cli", "dev", "--port", "0", "--data-dir", ".data"),
        cwd=directory,
        env=inherited,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            yield (await process.stdout.readline()).decode().split()[1]
    finally:
        process.terminate()
        async with asyncio.timeout(LIMIT_SECONDS):
            await process.wait()


async def test_every_line_of_the_readmes_session_works_and_ends_in_a_list_of_tools(tmp_path):
    bash = shutil.which("bash")
    assert bash
    async with dev(tmp_path) as url:
        script = "set -euo pipefail\n" + session().replace("http://127.0.0.1:8080", url)
        process = await asyncio.create_subprocess_exec(
            *(bash, "-c", script),
            cwd=tmp_path,
            # Where the session says `python3`, a machine may have only another spelling.
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(LIMIT_SECONDS):
            out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    mcp_url, answer = out.decode().strip().splitlines()
    assert mcp_url.startswith(f"{url}/mcp/rpmcp_")
    listed = [tool["name"] for tool in json.loads(answer)["result"]["tools"]]
    assert listed == names_of(tags=["support", "orders"])
