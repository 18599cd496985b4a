from pathlib import Path

import pytest

from ldp_tui.tui.preferences import Preferences, PreferencesError, load_preferences, save_preferences


def test_no_file_yet(tmp_path: Path):
    """The defaults are used."""
    assert load_preferences(tmp_path / "none.toml") == Preferences()


def test_saved_and_loaded(tmp_path: Path):
    """What is saved comes back, quotes and non-ASCII letters included, and nothing else is left in the folder."""
    chosen = Preferences(theme="nord", environment='Größe"v1,a="b\\c"', players=("human", "optimal"), max_steps=9)
    path = tmp_path / "new" / "preferences.toml"
    save_preferences(chosen, path)
    assert load_preferences(path) == chosen
    assert [file.name for file in path.parent.iterdir()] == ["preferences.toml"]


def test_keys_of_another_version(tmp_path: Path):
    """Unknown keys are ignored."""
    path = tmp_path / "preferences.toml"
    path.write_text('theme = "nord"\nfuture = 1\n')
    assert load_preferences(path) == Preferences(theme="nord")


@pytest.mark.parametrize("text", ["theme = [", "theme = 3", 'players = "human"', "players = [1]", "\udcff"])
def test_bad_file(tmp_path: Path, text: str):
    """The error names the file."""
    path = tmp_path / "preferences.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(PreferencesError, match=r"preferences\.toml"):
        load_preferences(path)


def test_folder_that_cannot_be_made(tmp_path: Path):
    """The error names the path instead of an errno."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PreferencesError, match="file"):
        save_preferences(Preferences(), tmp_path / "file" / "preferences.toml")
