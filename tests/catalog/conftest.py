from collections.abc import Callable

import pytest

from mcp_gateway.catalog.load import load_catalog
from mcp_gateway.catalog.tool import Catalog, Integration, Tool

ToolByName = Callable[[str], Tool]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="session")
def richpanel(catalog: Catalog) -> Integration:
    return catalog.integrations["richpanel"]


@pytest.fixture(scope="session")
def tool(richpanel: Integration) -> ToolByName:
    return lambda name: richpanel.by_name[name]
