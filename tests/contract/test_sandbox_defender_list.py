"""The sandbox Defender tenant: listing – filters, paging, order, visibility, rows nobody can submit."""

from collections.abc import Iterator

import pytest

from tests.contract.test_sandbox_defender import ALL, OWN, Sandbox, refused, running


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.admin("reset")
    return server.as_app(ALL)


@pytest.fixture
def filled(sandbox: Sandbox) -> Sandbox:
    """Four rows: a, b and c are domains, d an address; c belongs to the portal's user."""
    sandbox.create("a.example", severity="High", title="it's a", rbacGroupNames=["Servers"], application="x&y?z")
    sandbox.advance(10)
    sandbox.create("b.example", action="Audit", generateAlert=True, expirationTime="2027-01-01T00:00:00Z")
    sandbox.admin("seed", {"rows": [{"indicatorValue": "c.example", "severity": "Low", "title": "portal"}]})
    sandbox.advance(10)
    sandbox.create("198.51.100.7", "IpAddress", severity="Medium")
    return sandbox


def seed(sandbox: Sandbox, count: int) -> list[str]:
    values = [f"n{number}.example" for number in range(count)]
    sandbox.admin("seed", {"rows": [{"indicatorValue": value} for value in values]})
    return values


def test_a_list_is_wrapped_and_holds_whole_entities(filled: Sandbox) -> None:
    answer = filled.listing()
    assert answer.json()["@odata.context"].endswith("/api/$metadata#Indicators")
    assert answer.json().keys() == {"@odata.context", "value"}
    assert answer.headers["Content-Type"].startswith("application/json;")
    assert answer.json()["value"] == filled.truth()["rows"]


def test_one_row_comes_without_a_wrapper(filled: Sandbox) -> None:
    answer = filled.call("GET", "/api/indicators/1")
    assert "value" not in answer.json()
    assert answer.json()["indicatorValue"] == "a.example"
    refused(filled.call("GET", "/api/indicators/99"), 404, "ResourceNotFound")
    refused(filled.call("GET", "/api/indicators/abc"), 404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("indicatorValue eq 'a.example'", "a"),
        ("indicatorValue eq 'A.EXAMPLE'", ""),
        ("indicatorValue eq 'a.example' or indicatorValue eq 'c.example'", "ac"),
        ("'a.example' eq indicatorValue", "a"),
        ("indicatorType eq 'DomainName'", "abc"),
        ("indicatorType ne 'DomainName'", "d"),
        ("indicatorType eq 'DomainName' and (severity eq 'High' or severity eq 'Low')", "ac"),
        ("not (action eq 'Block')", "b"),
        ("not (action eq 'Block') or severity eq 'Low'", "bc"),
        ("title eq 'it''s a'", "a"),
        ("application eq 'x&y?z'", "a"),
        ("application eq null", "bcd"),
        ("application ne 'x'", "abcd"),
        ("expirationTime ne null", "b"),
        ("expirationTime lt 2027-01-01T00:00:00.0000001Z", "b"),
        ("expirationTime gt 2027-01-01T00:00:00Z", ""),
        ("creationTimeDateTimeUtc ge 2026-01-01T00:00:10Z", "bcd"),
        ("creationTimeDateTimeUtc ge 2026-01-01T01:00:10+01:00", "bcd"),
        ("2026-01-01T00:00:10Z gt creationTimeDateTimeUtc", "a"),
        ("creationTimeDateTimeUtc le 2026-01-01T00:00:15Z and action eq 'Block'", "ac"),
        ("contains(title,'port')", "c"),
        ("contains(indicatorValue,'.example')", "abc"),
        ("startswith(indicatorValue,'198.')", "d"),
        ("contains(application,'y')", "a"),
        ("generateAlert eq true", "b"),
        ("generateAlert", "b"),
        ("generateAlert ne true and createdBy eq 'analyst@contoso.example'", "c"),
        ("createdByDisplayName eq 'all-app'", "abd"),
        ("rbacGroupNames/any(g: g eq 'Servers')", "a"),
        ("rbacGroupNames/any()", "a"),
        ("not rbacGroupNames/any(g: startswith(g,'Serv'))", "bcd"),
    ],
)
def test_filters(filled: Sandbox, expression: str, found: str) -> None:
    wanted = [{"d": "198.51.100.7"}.get(name, f"{name}.example") for name in found]
    assert filled.values(filter=expression) == wanted


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        "indicatorValue eq 'a",
        "title eq 'it's a'",
        "indicatorValue = 'a'",
        "indicatorValue eq a.example",
        "indicatorValue eq 5",
        "IndicatorValue eq 'a'",
        "description eq 'd'",
        "externalId eq 'x'",
        "lastUpdateTime ge 2026-01-01T00:00:00Z",
        "action eq 'Nonsense'",
        "action eq 'block'",
        "severity gt null",
        "creationTimeDateTimeUtc ge '2026-01-01T00:00:00Z'",
        "creationTimeDateTimeUtc ge 2026-01-01",
        "creationTimeDateTimeUtc ge 2026-01-01T00:00:00",
        "creationTimeDateTimeUtc ge 2026-02-30T00:00:00Z",
        "generateAlert eq 'true'",
        "generateAlert gt true",
        "indicatorValue",
        "indicatorValue in ('a','b')",
        "endswith(indicatorValue,'x')",
        "tolower(indicatorValue) eq 'x'",
        "contains(severity,'High')",
        "contains('a',indicatorValue)",
        "contains(indicatorValue)",
        "frobnicate(indicatorValue)",
        "rbacGroupNames eq 'Servers'",
        "rbacGroupNames/all(g: g eq 'x')",
        "rbacGroupNames/any(g: indicatorValue eq 'x')",
        "title/any(g: g eq 'x')",
        "indicatorValue eq title",
        "'a' eq 'a'",
        "-5 eq 5",
        "indicatorValue eq 'a' and",
        "(indicatorValue eq 'a'",
    ],
)
def test_what_is_not_supported_is_an_odata_error(filled: Sandbox, expression: str) -> None:
    refused(filled.listing(filter=expression), 400, "ODataError")


def test_an_unescaped_ampersand_ends_the_filter_in_mid_string(filled: Sandbox) -> None:
    answer = filled.call("GET", "/api/indicators?$filter=application%20eq%20'x&y?z'")
    assert "unterminated string literal" in refused(answer, 400, "ODataError")


def test_twenty_values_fit_into_a_filter_and_more_nodes_do_not(sandbox: Sandbox) -> None:
    values = seed(sandbox, 30)
    clauses = [f"indicatorValue eq '{value}'" for value in values]
    assert sandbox.values(filter=" or ".join(clauses[:20])) == values[:20]
    assert "node count" in refused(sandbox.listing(filter=" or ".join(clauses)), 400, "ODataError")
    sandbox.switch(max_filter_nodes=None)
    assert sandbox.values(filter=" or ".join(clauses)) == values


def test_deeply_nested_filters_are_refused_not_crashed_on(sandbox: Sandbox) -> None:
    sandbox.switch(max_request_line=None, max_filter_nodes=None)
    deep = " or ".join(["generateAlert"] * 800)
    assert "recursion" in refused(sandbox.listing(filter=deep), 400, "ODataError")


def test_a_request_line_has_a_limit(sandbox: Sandbox) -> None:
    assert sandbox.listing(filter=f"title eq '{'x' * 9000}'").status_code == 414
    sandbox.switch(max_request_line=None)
    assert sandbox.values(filter=f"title eq '{'x' * 9000}'") == []


def test_only_the_short_list_of_properties_may_be_filterable(filled: Sandbox) -> None:
    filled.switch(filterable="short")
    assert filled.values(filter="severity eq 'Low'") == ["c.example"]
    for expression in ("title eq 'portal'", "contains(application,'x')", "rbacGroupNames/any()"):
        refused(filled.listing(filter=expression), 400, "ODataError")


def test_value_filters_may_ignore_case(filled: Sandbox) -> None:
    filled.switch(filter_case_sensitive=False)
    assert filled.values(filter="indicatorValue eq 'A.EXAMPLE' or startswith(indicatorValue,'B')") == [
        "a.example",
        "b.example",
    ]
    assert filled.values(filter="title eq 'PORTAL'") == []


def test_top_and_skip(sandbox: Sandbox) -> None:
    values = seed(sandbox, 10)
    assert sandbox.values(top=4) == values[:4]
    assert sandbox.values(top=4, skip=8) == values[8:]
    assert sandbox.values(skip=3) == values[3:]
    assert sandbox.values(top=0) == []
    assert sandbox.values(skip=99) == []
    assert sandbox.values(top=2, skip=1, filter="indicatorValue ne 'n0.example'") == values[2:4]


@pytest.mark.parametrize(
    "options", [{"top": 10_001}, {"top": -1}, {"skip": -1}, {"top": "x"}, {"skip": ""}, {"stop": 5}]
)
def test_bad_paging_options(sandbox: Sandbox, options: dict[str, object]) -> None:
    refused(sandbox.listing(**options), 400, "ODataError")


def test_a_repeated_option_is_an_error_and_a_custom_one_is_not(sandbox: Sandbox) -> None:
    refused(sandbox.call("GET", "/api/indicators?$top=1&$top=2"), 400, "ODataError")
    assert sandbox.call("GET", "/api/indicators?custom=1&custom=2").status_code == 200


def test_undocumented_options_are_refused_or_ignored(sandbox: Sandbox) -> None:
    for option in ("orderby", "count", "select"):
        refused(sandbox.listing(**{option: "id"}), 400, "ODataError")
    sandbox.switch(unknown_options="ignore")
    assert sandbox.listing(select="id", count="true").status_code == 200


def test_a_page_without_top_ends_silently_at_the_page_size(sandbox: Sandbox) -> None:
    values = seed(sandbox, 10_001)
    assert sandbox.values() == values[:10_000]
    assert sandbox.values(top=10_000) == values[:10_000]
    assert sandbox.values(top=10_000, skip=10_000) == values[10_000:]


def test_next_links_lead_to_every_row_once(sandbox: Sandbox) -> None:
    values = seed(sandbox, 25)
    sandbox.switch(emit_nextlink=True, page_size=10)
    seen: list[str] = []
    answer = sandbox.listing(filter="indicatorValue ne 'n3.example'")
    for _ in range(3):
        seen += [entity["indicatorValue"] for entity in answer.json()["value"]]
        link = answer.json().get("@odata.nextLink")
        if link is None:
            break
        assert link.startswith(str(sandbox.http.base_url.join("/api/indicators?")))
        answer = sandbox.call("GET", link)
    assert seen == [value for value in values if value != "n3.example"]
    assert "@odata.nextLink" not in answer.json()


def test_orders(sandbox: Sandbox) -> None:
    values = seed(sandbox, 20)
    created = [entity["creationTimeDateTimeUtc"] for entity in sandbox.listing().json()["value"]]
    assert sandbox.values() == values
    assert created == sorted(created)
    sandbox.switch(list_order="newest_first")
    assert sandbox.values() == values[::-1]
    sandbox.switch(list_order="scrambled")
    scrambled = sandbox.values()
    assert scrambled not in (values, values[::-1])
    assert sorted(scrambled) == sorted(values)
    assert sandbox.values(top=10) + sandbox.values(skip=10) == scrambled


def test_the_smaller_role_sees_only_its_own_rows(filled: Sandbox) -> None:
    own = filled.as_app(OWN)
    mine = own.create("mine.example")
    assert own.values() == ["mine.example"]
    assert own.call("GET", f"/api/indicators/{mine['id']}").status_code == 200
    refused(own.call("GET", "/api/indicators/1"), 404, "ResourceNotFound")
    refused(own.call("DELETE", "/api/indicators/1"), 404, "ResourceNotFound")
    refused(own.batch_delete(mine["id"], "1"), 404, "ResourceNotFound")
    assert filled.values()[-1] == "mine.example"


def test_portal_rows_belong_to_someone_else(filled: Sandbox) -> None:
    portal = filled.truth()["rows"][2]
    assert (portal["createdBySource"], portal["createdBy"]) == ("Portal", "analyst@contoso.example")


def test_a_web_category_row_can_appear_and_is_read_only(filled: Sandbox) -> None:
    filled.switch(web_category_row=True)
    category = filled.listing(filter="indicatorType eq 'WebCategory'").json()["value"][0]
    assert category["createdBySource"] == "Portal"
    refused(filled.call("DELETE", f"/api/indicators/{category['id']}"), 403, "DisallowedOperation")
    refused(filled.batch_delete("1", category["id"]), 403, "DisallowedOperation")
    assert filled.truth()["active"] == 4
    filled.switch(web_category_row=False)
    assert len(filled.values()) == 4
