"""Switches for undocumented behaviour of the vendor's API: a client must work under every setting.

Invariant: the defaults are the harsher reading wherever one is harsher. Every field is unconfirmed: switchable.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class NetskopeSwitches(BaseModel):
    """Changed at any time through `/_admin/switches`."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    bad_token_status: Annotated[Literal[401, 403], Field(description="answer to a v2 token that does not fit")] = 403
    v1_bad_token_status: Annotated[Literal[200, 403], Field(description="answer to a v1 token that does not fit")] = 403
    write_status: Annotated[Literal[200, 201], Field(description="success of POST and PATCH on lists, profiles")] = 201
    duplicate_name_status: Annotated[Literal[400, 409], Field(description="a second list or profile of one name")] = 409
    oversize_status: Annotated[Literal[400, 413], Field(description="a body or list above its size limit")] = 400
    invalid_entries: Annotated[
        Literal["message", "errors"], Field(description="where a 400 names the entries that are not valid")
    ] = "message"
    empty_lists: Annotated[bool, Field(description="whether a URL list or hash list may be empty")] = False
    append_dedup: Annotated[bool, Field(description="whether appending a present entry leaves one copy")] = True
    addresses: Annotated[bool, Field(description="whether exact URL lists take IPv4 addresses, ranges, CIDR")] = True
    wildcard_covers_apex: Annotated[
        bool, Field(description="whether `*.host` in an exact URL list matches `host` as well (newer pages say so)")
    ] = False
    both_copies: Annotated[
        bool, Field(description="GET lists an edited URL list twice (applied, pending), not only as pending")
    ] = False
    policy_deploy: Annotated[
        bool, Field(description="POST /api/v2/policy/deploy exists and applies pending policy changes")
    ] = False
    hash_list_apply: Annotated[
        Literal["auto", "pending"], Field(description="whether a v1 hash list update applies at once")
    ] = "auto"
    profile_apply: Annotated[
        Literal["auto", "pending"], Field(description="whether a destination profile's values change at once")
    ] = "auto"
    profile_dedup: Annotated[
        bool, Field(description="whether a destination profile keeps one copy of a value (connectors say it does not)")
    ] = False
    profile_invalid_status: Annotated[Literal[400, 422], Field(description="answer with validation_errors")] = 400
    head_tail: Annotated[bool, Field(description="whether iterators know head and tail (2022 documents)")] = True
    fresh_next: Annotated[
        Literal["now", "oldest"], Field(description="where `next` starts on an index never used before")
    ] = "now"
    resend_on_fresh: Annotated[
        Literal["empty", "refuse"], Field(description="`resend` on an index never used before")
    ] = "empty"
    hour_batches: Annotated[
        bool, Field(description="a page spans one hour of records at most, so pages may be empty before the end")
    ] = False
    wait_time_idle: Annotated[
        int | None, Field(ge=0, description="wait_time of a page that ends the backlog, seconds; null leaves it out")
    ] = 5
    wait_time_backlog: Annotated[
        int | None, Field(ge=0, description="wait_time of a page with more behind it, seconds; null leaves it out")
    ] = 0
    page_delay_s: Annotated[
        float,
        Field(ge=0, le=60, description="how long an iterator request stays in flight, seconds; lowered, it lets go"),
    ] = 0.0
    stringify_every: Annotated[
        int, Field(ge=0, description="every n-th malsite record carries malsite_category as a string; 0 none")
    ] = 5
