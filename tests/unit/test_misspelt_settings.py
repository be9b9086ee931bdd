"""A setting that is misspelt in the environment is told with the one that is meant; what is none of ours is let be."""

import re
from pathlib import Path

import pytest

from services.console.settings import ConsoleSettings
from services.runtime.settings import ENV_PREFIX, SettingsError, load, load_settings
from services.runtime.unknown_settings import NO_SETTINGS, unknown_settings

ROOT = Path(__file__).parents[2]
KNOWN = {name.upper() for name in ConsoleSettings.model_fields}
LINKED = {
    "IOC_BRIDGE_KAFKA_BOOTSTRAP_SERVICE_HOST", "IOC_BRIDGE_KAFKA_BOOTSTRAP_SERVICE_PORT",
    "IOC_BRIDGE_KAFKA_BOOTSTRAP_PORT", "IOC_BRIDGE_KAFKA_BOOTSTRAP_PORT_9093_TCP_ADDR",
}  # fmt: skip


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("IOC_BRIDGE_KAFKA_BOOTSTRAPS", "IOC_BRIDGE_KAFKA_BOOTSTRAP"),
        ("IOC_BRIDGE_KAFKA_PASSWORD", "IOC_BRIDGE_KAFKA_SASL_PASSWORD"),
        ("ioc_bridge_metric_port", "IOC_BRIDGE_METRICS_PORT"),
        ("IOC_BRIDGE_CONFIG_FILE", "IOC_BRIDGE_CONFIG"),
    ],
)
def test_it_is_one_line_that_names_what_is_meant(written: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(written, "1")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{written.upper()} is no setting; the nearest is {meant}: ")


def test_it_is_told_beside_other_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_BRIDGE_PARTITIONS", "many")
    monkeypatch.setenv("IOC_BRIDGE_REPLICAS", "3")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(str(caught.value).splitlines()) == 2


def test_settings_of_the_console_pass_other_services_by_and_are_checked_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IOC_BRIDGE_CONSOLE_TOKEN_FILE", "/tokens.yaml")
    load_settings()
    with pytest.raises(SettingsError, match="the nearest is IOC_BRIDGE_CONSOLE_TOKENS_FILE"):
        load(ConsoleSettings)


def test_a_file_that_all_services_share_may_hold_the_console_s_and_nothing_misspelt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "settings.yaml"
    monkeypatch.setenv("IOC_BRIDGE_CONFIG", str(file))
    file.write_text("partitions: 6\nconsole_port: 8081\n")
    assert load_settings().partitions == 6
    assert load(ConsoleSettings).console_port == 8081
    file.write_text("partitons: 6\nconsole_prot: 8081\n")
    with pytest.raises(SettingsError, match=r"^partitons in .* is no setting; the nearest is partitions: "):
        load_settings()
    with pytest.raises(SettingsError, match=r"^console_prot in .* is no setting; the nearest is console_port: "):
        load(ConsoleSettings)


def test_addresses_that_kubernetes_puts_into_a_pod_are_no_settings() -> None:
    assert unknown_settings(LINKED, KNOWN) == []
    assert len(unknown_settings(LINKED - {"IOC_BRIDGE_KAFKA_BOOTSTRAP_SERVICE_HOST"}, KNOWN)) == len(LINKED) - 1


def test_other_names_are_none_of_ours() -> None:
    assert unknown_settings({"PATH", "XIOC_BRIDGE_Y", "_IOC_BRIDGE_COMPLETE", "IOC_PREFIX"}, KNOWN) == []


def test_every_variable_that_is_spoken_of_here_is_known() -> None:
    places = [path for top in ("bench", "deploy", "docs", "services", "tests") for path in (ROOT / top).rglob("*")]
    texts = [
        path.read_text("utf-8")
        for path in (*places, ROOT / "Makefile", ROOT / "README.md")
        if path.suffix in ("", ".md", ".py", ".yaml") and path.is_file() and path != Path(__file__)
    ]
    names = {name for text in texts for name in re.findall(rf"\b{ENV_PREFIX}([A-Z0-9_]*[A-Z0-9])\b", text)}
    assert names - KNOWN - NO_SETTINGS == set()
    assert names >= NO_SETTINGS, "names that nobody uses any more"
