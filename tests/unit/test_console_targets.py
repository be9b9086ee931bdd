"""Ids of targets are read and written as names are, and each still means one target."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vendors.defender import DefenderAction
from schemas.vendors.netskope import DestinationProfile, FileHashList, UrlList
from services.console.cli.output.targets import readable, target_id_of

NAMES = st.text(min_size=1, max_size=40)
IDS = st.one_of(
    NAMES.map(lambda name: UrlList(kind="url-list", name=name).id),
    NAMES.map(lambda name: FileHashList(kind="file-hash-list", name=name).id),
    st.lists(NAMES, max_size=3, unique=True).map(
        lambda groups: DefenderAction(kind="defender-action", action="Block", rbac_groups=tuple(groups)).id
    ),
)


def test_a_name_is_shown_as_it_is_at_the_vendor() -> None:
    assert readable(UrlList(kind="url-list", name="Blocked by us/EU").id) == "url-list:Blocked by us/EU"
    assert readable(DestinationProfile(kind="destination-profile", name="böse: Ziele").id) == (
        "destination-profile:böse: Ziele"
    )
    groups = DefenderAction(kind="defender-action", action="Block", rbac_groups=("Unit A", "Unit B"))
    assert readable(groups.id) == "defender-action:Block:Unit A,Unit B"


@pytest.mark.parametrize("name", ["50% of all", "a%20b", "line\nbreak"])
def test_what_would_be_misread_or_breaks_a_line_still_means_its_target(name: str) -> None:
    id_ = UrlList(kind="url-list", name=name).id
    assert target_id_of(readable(id_)) == id_
    assert readable(id_).isprintable()


@given(IDS)
def test_both_forms_mean_the_same_target(id_: str) -> None:
    assert target_id_of(id_) == id_
    assert target_id_of(readable(id_)) == id_


@pytest.mark.parametrize("other", ["", "domain", "no%20kind", "url:http://a.example/%20", "polled now: 3%"])
def test_what_is_no_target_is_left_alone(other: str) -> None:
    assert readable(other) == target_id_of(other) == other
