"""Which files a folder stands for."""

from pathlib import Path

from services.console.manifests.files import read_files

RULE = "apiVersion: ioc-bridge/v1\nkind: Rule\nmetadata: {name: r}\n"


def test_a_mounted_configmap_is_read_once(tmp_path: Path) -> None:
    real = tmp_path / "..2026_11_25"
    real.mkdir()
    (real / "rule.yaml").write_text(RULE)
    (tmp_path / "..data").symlink_to(real)
    (tmp_path / "rule.yaml").symlink_to(tmp_path / "..data" / "rule.yaml")
    documents, mistakes = read_files([str(tmp_path)])
    assert (len(documents), mistakes) == (1, [])


def test_folders_below_are_read_and_other_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "rule.yml").write_text(RULE)
    (tmp_path / "notes.txt").write_text("not yaml: [")
    documents, mistakes = read_files([str(tmp_path)])
    assert (len(documents), mistakes) == (1, [])
