"""The description of the API is complete, and its pages load nothing from elsewhere."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.uploads import LIBRARY, SHOOTOUTS, config, di
from tone_shootout.error_codes import CLOSE_CODES, all_codes
from tone_shootout.kit.http.openapi_headers import HEADERS

Operation = tuple[str, str, dict[str, Any]]
METHODS = ("get", "post", "put", "patch", "delete", "head")


async def _document(api: httpx.AsyncClient) -> dict[str, Any]:
    answer = await api.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def _operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


async def test_every_operation_says_what_it_is_and_what_can_go_wrong(api: httpx.AsyncClient) -> None:
    document = await _document(api)
    seen = set()
    for path, method, operation in _operations(document):
        place = f"{method} {path}"
        assert operation["operationId"] not in seen, place
        seen.add(operation["operationId"])
        assert re.fullmatch(r"[a-z0-9_]+", operation["operationId"]), place
        assert operation["summary"], place
        assert operation["description"], place
        assert operation["tags"], place
        for parameter in operation.get("parameters", []):
            assert parameter.get("description") or parameter["schema"].get("description"), (
                f"{place} {parameter['name']}"
            )
        failures = {status: body for status, body in operation["responses"].items() if int(status) >= 400}
        assert path == "/health/live" or failures, place
        for status, body in failures.items():
            media = body["content"].get("application/problem+json")
            assert media, f"{place} {status}"
            assert media["examples"], f"{place} {status}"


async def test_every_operation_but_the_public_ones_says_that_it_may_answer_401(api: httpx.AsyncClient) -> None:
    for path, method, operation in _operations(await _document(api)):
        if operation.get("security") != [{}]:
            assert "401" in operation["responses"], f"{method} {path}"


async def test_every_field_of_every_body_is_described(api: httpx.AsyncClient) -> None:
    document = await _document(api)
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            text = described.get("description") or _resolved(document, described).get("description")
            constant = "const" in described or field == "type"
            assert text or constant, f"{name}.{field}"


async def test_every_body_that_a_client_sends_has_an_example(api: httpx.AsyncClient) -> None:
    document = await _document(api)
    for path, method, operation in _operations(document):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            schema = _resolved(document, media["schema"])
            branches = [_resolved(document, branch) for branch in schema.get("oneOf", schema.get("anyOf", [schema]))]
            fields = [field for branch in branches for field in branch.get("properties", {}).values()]
            shown = media.get("examples") or any("examples" in field or "$ref" in field for field in fields)
            is_file = schema.get("format") == "binary" or "multipart" in str(operation["requestBody"])
            assert shown or is_file, f"{method} {path}"


@pytest.mark.parametrize("page", ["/docs", "/docs/"])
async def test_the_page_loads_nothing_from_elsewhere_and_all_that_it_loads_is_there(
    api: httpx.AsyncClient, page: str
) -> None:
    answer = await api.get(page)
    assert answer.status_code == 200
    assert str(api.base_url).rstrip("/") not in answer.text
    loaded = re.findall(r"""(?:src|href|url)(?:=|: )["']([^"']+)["']""", answer.text)
    assert len(loaded) == 4
    for address in loaded:
        assert not urlsplit(address).netloc, address
        assert not address.startswith("/"), "behind a prefix, it would be looked for in the wrong place"
        answer = await api.get(urljoin(page, address))
        assert answer.status_code == 200
        assert len(answer.content) > 1000


async def test_the_document_names_no_host_and_its_server_is_where_it_was_fetched(api: httpx.AsyncClient) -> None:
    answer = await api.get("/openapi.json", headers={"Host": "studio.local"})
    assert "studio.local" not in answer.text
    (server,) = answer.json()["servers"]
    assert not urlsplit(server["url"]).netloc
    for place, root in (("http://0.0.0.0:8000", "/"), ("https://lan.example/shootout", "/shootout/")):
        assert urlsplit(urljoin(f"{place}/openapi.json", server["url"])).path == root


async def test_schemas_have_plain_names(api: httpx.AsyncClient) -> None:
    schemas = (await _document(api))["components"]["schemas"]
    assert "JobPage" in schemas
    for name, schema in schemas.items():
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", name), name
        assert schema.get("title", name) == name


async def test_every_download_is_binary(api: httpx.AsyncClient) -> None:
    document = await _document(api)
    downloads = set()
    for _path, _method, operation in _operations(document):
        for status in ("200", "206"):
            content = operation["responses"].get(status, {}).get("content", {})
            if "application/octet-stream" in content:
                downloads.add(operation["operationId"])
                for media in content.values():
                    assert media["schema"] == {"type": "string", "format": "binary"}
    assert downloads == {
        "export_me",
        "get_library_content",
        "get_library_picture",
        "get_artifact",
        "get_archive",
        "get_bundle",
        "get_match_ir",
        "get_spec",
        "get_shared_file",
        "get_share_picture",
        "get_stimulus",
    }


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/api/v1/nothing", "/api/v1/jobs/not-an-id", "/api/v1/0195f3e2-7c1a-7bbb-8000-0242ac120002"],
)
async def test_what_is_not_there_is_a_problem_too(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path)
    assert answer.status_code in (401, 404)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"]


async def test_a_method_that_is_not_there_is_a_problem_too(api: httpx.AsyncClient) -> None:
    answer = await api.put("/health/live")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "method_not_allowed"


async def test_the_document_lists_every_code_with_what_to_do(api: httpx.AsyncClient) -> None:
    schemas = (await _document(api))["components"]["schemas"]
    assert set(schemas["ErrorCode"]["enum"]) == set(all_codes())
    for entry in all_codes().values():
        assert f"`{entry.code}`" in schemas["ErrorCode"]["description"]
        assert entry.action in schemas["ErrorCode"]["description"]
    assert {entry.code for entry in CLOSE_CODES} == set(schemas["CloseCode"]["enum"])


async def test_limits_of_parameters_are_those_that_are_enforced(user: Person, administrator: Person) -> None:
    tried = 0
    for path, method, operation in _operations(await _document(user.client)):
        if method != "get" or "{" in path or path.startswith(("/api/v1/auth", "/api/v1/tones", "/api/v1/oembed")):
            continue
        client = (administrator if path.startswith("/api/v1/admin/") else user).client
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                for value, allowed in _at_and_beyond_limits(parameter["schema"]):
                    answer = await client.get(path, params={parameter["name"]: value})
                    refused = answer.status_code == 400 and answer.json()["errors"][0]["parameter"] == parameter["name"]
                    assert refused != allowed, f"{path} {parameter['name']}={value!r}: {answer.status_code}"
                    tried += 1
    assert tried > 50


def _at_and_beyond_limits(schema: dict[str, Any]) -> Iterator[tuple[Any, bool]]:
    """Yield values of a parameter, and whether its schema allows them."""
    if "items" in schema:
        ((value, _),) = [pair for pair in _at_and_beyond_limits(schema["items"]) if pair[1]][:1]
        for count in (schema.get("minItems", 1), schema.get("maxItems", 1)):
            yield [value] * count, True
        if "maxItems" in schema:
            yield [value] * (schema["maxItems"] + 1), False
    elif "enum" in schema:
        yield schema["enum"][0], True
        yield "nonsense", False
    elif schema.get("type") == "integer":
        for name, beyond in (("minimum", -1), ("maximum", 1)):
            if name in schema:
                yield schema[name], True
                yield schema[name] + beyond, False
    elif schema.get("type") == "string" and "format" not in schema:
        if schema.get("pattern") == "^[0-9a-f]{64}$":
            yield "0" * 64, True
            yield "0" * 65, False
        else:
            yield "a" * schema.get("maxLength", 1), True
            yield "a" * (schema.get("maxLength", 10**5) + 1), "maxLength" not in schema
            yield "", schema.get("minLength", 0) == 0


async def test_responses_have_the_headers_that_the_document_names(user: Person) -> None:
    document = await _document(user.client)
    item = await user.client.post(LIBRARY, data={"kind": "di_track"}, files={"file": ("riff.wav", di())})
    content = item.json()["links"]["content"]
    webhook = {"url": "https://studio.example.org/hook"}
    requests: list[tuple[str, str, str, dict[str, Any]]] = [
        ("get", LIBRARY, LIBRARY, {}),
        ("post", LIBRARY, LIBRARY, {"data": {"kind": "di_track"}, "files": {"file": ("riff.wav", di())}}),
        ("get", "/api/v1/library/{item_id}/content", content, {}),
        ("head", "/api/v1/library/{item_id}/content", content, {}),
        ("get", "/api/v1/library/{item_id}/content", content, {"headers": {"Range": "bytes=0-9"}}),
        ("get", "/api/v1/library/{item_id}/content", content, {"headers": {"Range": "bytes=999999999-"}}),
        ("get", "/api/v1/library/{item_id}/content", content, {"headers": {"If-None-Match": "*"}}),
        ("post", "/api/v1/shootouts", SHOOTOUTS, {"json": {"config": await config(user.client)}}),
        ("post", "/api/v1/shootouts", SHOOTOUTS, {"json": {}}),
        ("post", "/api/v1/webhooks", "/api/v1/webhooks", {"json": webhook}),
        ("get", "/api/v1/me/export", "/api/v1/me/export", {}),
        ("get", "/api/v1/me", "/api/v1/me", {"headers": {"Authorization": "Bearer tst_unknown"}}),
        ("get", "/health/live", "/health/live", {}),
        ("post", "/api/v1/auth/session", "/api/v1/auth/session", {"json": {"token": user.token}}),
    ]
    # The limits of the tests' service are off.
    optional = {"Set-Cookie", "Idempotency-Replayed", "Cache-Control", "Vary", "RateLimit", "RateLimit-Policy"}
    for method, template, path, sent in requests:
        answer = await user.client.request(method, path, **sent)
        documented = document["paths"][template][method]["responses"][str(answer.status_code)]["headers"].keys()
        place = f"{method} {template} {answer.status_code}"
        found = {name for name in HEADERS if name in answer.headers}
        assert found - documented <= optional, place
        assert documented - optional <= found, place
