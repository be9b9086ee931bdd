"""Settings: environment over file over defaults, and every mistake at once with the field and where to set it."""

from pathlib import Path

import pytest

from services.runtime.settings import SettingsError, load_settings


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "settings.yaml"
    monkeypatch.setenv("IOC_BRIDGE_CONFIG", str(path))
    return path


def mistakes() -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value).splitlines()


def test_every_mistake_is_told_at_once_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_BRIDGE_PARTITIONS", "many")
    monkeypatch.setenv("IOC_BRIDGE_METRICS_PORT", "70000")
    monkeypatch.setenv("IOC_BRIDGE_LOG_LEVEL", "loud")
    told = mistakes()
    assert len(told) == 3
    for field in ("partitions", "metrics_port", "log_level"):
        assert any(line.startswith(f"{field} (IOC_BRIDGE_{field.upper()}): ") for line in told), told


@pytest.mark.parametrize("prefix", ["UPPER", "with.dot", "", "a" * 33])
def test_a_prefix_that_is_no_part_of_a_topic_name_is_refused(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_BRIDGE_TOPIC_PREFIX", prefix)
    assert [line.split()[0] for line in mistakes()] == ["topic_prefix"]


def test_a_secret_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_BRIDGE_KAFKA_SASL_PASSWORD", "hush-hush")
    monkeypatch.setenv("IOC_BRIDGE_PARTITIONS", "0")
    assert "hush" not in "".join(mistakes())
    monkeypatch.delenv("IOC_BRIDGE_PARTITIONS")
    assert "hush" not in repr(load_settings())


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("partitions: 3\nreplication: 2\n")
    monkeypatch.setenv("IOC_BRIDGE_PARTITIONS", "5")
    settings = load_settings()
    assert (settings.partitions, settings.replication, settings.topic_prefix) == (5, 2, "ioc")
    assert settings.topics.reports.partitions == 5


def test_an_empty_file_means_defaults(file: Path) -> None:
    file.write_text("# nothing yet\n")
    assert load_settings().partitions == 12


def test_a_misspelt_setting_in_the_file_is_told(file: Path) -> None:
    file.write_text("partitons: 3\n")
    assert [line.split()[0] for line in mistakes()] == ["partitons"]


@pytest.mark.parametrize("text", [b"- a\n- b\n", b"just words\n", b"3: 4\n", b"a: [b\n", b"\xff\xfe\x00"])
def test_a_file_without_settings_is_one_line_that_names_it(file: Path, text: bytes) -> None:
    file.write_bytes(text)
    (line,) = mistakes()
    assert line.startswith(f"IOC_BRIDGE_CONFIG: {file} ")


def test_a_missing_file_and_a_folder_are_told(file: Path) -> None:
    (line,) = mistakes()
    assert line.startswith(f"IOC_BRIDGE_CONFIG: cannot read {file} (No such file")
    file.mkdir()
    (line,) = mistakes()
    assert line.startswith(f"IOC_BRIDGE_CONFIG: cannot read {file} (Is a directory")


def test_what_belongs_together_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_BRIDGE_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    assert mistakes() == ["a SASL protocol needs kafka_sasl_username and kafka_sasl_password"]
    monkeypatch.setenv("IOC_BRIDGE_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("IOC_BRIDGE_KAFKA_SSL_KEY_FILE", "key.pem")
    assert mistakes() == ["kafka_ssl_cert_file and kafka_ssl_key_file belong together"]
