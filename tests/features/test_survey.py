import numpy as np
import pytest

from untrimmed.features.source import FeatureFile, Source
from untrimmed.features.survey import missing_videos, survey

VALUES = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)


@pytest.fixture
def mixed(tmp_path, save, opened):
    """A store of good and bad files: good and long can be read."""
    with_nan = VALUES.copy()
    with_nan[3] = np.nan
    save(tmp_path / "good.npy", VALUES)
    save(tmp_path / "long.npy", np.concatenate([VALUES, VALUES]))
    save(tmp_path / "narrow.npy", VALUES[:, :4])
    save(tmp_path / "nan.npy", with_nan)
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY")
    return opened(tmp_path)


def test_every_video_is_in_one_group_with_its_reason(mixed):
    asked = ["good", "absent", "broken", "narrow", "long", "nan", "gone"]
    found = survey(mixed, asked)
    assert found.lengths == {"good": 40, "long": 80}
    assert found.missing == ["absent", "gone"]
    assert list(found.unreadable) == ["broken"]
    assert "broken.npy cannot be read" in found.unreadable["broken"]
    assert "narrow.npy has 4 values a step" in found.wrong_dimension["narrow"]
    assert "nan.npy holds 6 values" in found.not_finite["nan"]
    assert found.asked == 7


def test_sentences_count_and_name(mixed):
    found = survey(mixed, ["good", "absent", "broken", "narrow", "long", "nan", "gone"])
    sentences = found.sentences()
    assert sentences[0] == "2 of 7 videos have no features: absent, gone"
    assert sentences[1].startswith("1 of 7 videos have features that cannot be read: broken (")
    assert sentences[2].startswith("1 of 7 videos have features of a wrong dimension: narrow (")
    assert sentences[3].startswith("1 of 7 videos have features that are NaN or infinite: nan (")
    assert len(sentences) == 4


def test_nothing_wrong_needs_no_sentence(mixed):
    assert survey(mixed, ["good", "long"]).sentences() == []


def test_a_video_without_frame_rate_is_unreadable(tmp_path, save, opened):
    save(tmp_path / "a.npy", VALUES)
    save(tmp_path / "b.npy", VALUES)
    found = survey(opened(tmp_path, fps={"a": 30.0}), ["a", "b"])
    assert found.lengths == {"a": 40}
    assert "frame rate of the video 'b' is not known" in found.unreadable["b"]


def test_videos_cut_to_the_shorter_source_are_counted(tmp_path, save, opened):
    for name, steps in (("a", 39), ("b", 40)):
        save(tmp_path / "rgb" / f"{name}.npy", VALUES)
        save(tmp_path / "flow" / f"{name}.npy", VALUES[:steps])
    found = survey(opened([tmp_path / "rgb", tmp_path / "flow"]), ["a", "b"])
    assert found.lengths == {"a": 39, "b": 40}
    assert found.sentences() == ["1 of 2 videos have sources of different length and are cut to the shortest: a"]


def test_each_file_is_opened_once(tmp_path, save, opened, monkeypatch):
    for name in "abc":
        save(tmp_path / "rgb" / f"{name}.npy", VALUES)
        save(tmp_path / "flow" / f"{name}.npy", VALUES)
    store = opened([tmp_path / "rgb", tmp_path / "flow"])
    _ = store.dimension  # looks into the first file of each source
    seen = []
    really_open = Source.open
    monkeypatch.setattr(
        Source, "open", lambda self, name: seen.append((self.place, name)) or really_open(self, name)
    )
    survey(store, store.ids)
    assert len(seen) == len(set(seen)) == 6


# Headers alone


def test_headers_show_everything_but_values(mixed):
    found = survey(mixed, ["good", "absent", "broken", "narrow", "long", "nan"], values=False)
    assert found.lengths == {"good": 40, "long": 80, "nan": 40}
    assert found.missing == ["absent"]
    assert list(found.unreadable) == ["broken"]
    assert list(found.wrong_dimension) == ["narrow"]
    assert found.not_finite == {}


def test_a_file_that_is_shorter_than_its_header_says_is_found_without_reading_values(tmp_path, save, opened):
    save(tmp_path / "a.npy", VALUES)
    save(tmp_path / "b.npy", VALUES)
    whole = (tmp_path / "b.npy").read_bytes()
    (tmp_path / "b.npy").write_bytes(whole[:-100])
    found = survey(opened(tmp_path), ["a", "b"], values=False)
    assert found.lengths == {"a": 40}
    assert "b.npy cannot be read" in found.unreadable["b"]


def test_a_video_without_frame_rate_is_unreadable_by_its_header_too(tmp_path, save, opened):
    save(tmp_path / "a.npy", VALUES)
    found = survey(opened(tmp_path, fps={"b": 30.0}), ["a"], values=False)
    assert "frame rate of the video 'a' is not known" in found.unreadable["a"]


@pytest.mark.parametrize("resample_to", [None, 7])
def test_each_header_is_looked_at_once_and_no_value_is_read(tmp_path, save, opened, monkeypatch, resample_to):
    for name in "abc":
        save(tmp_path / f"{name}.npy", VALUES)
    store = opened(tmp_path, resample_to=resample_to)
    _ = store.dimension  # looks into the first file
    seen = []
    really_open = Source.open
    monkeypatch.setattr(Source, "open", lambda self, name: seen.append(name) or really_open(self, name))
    monkeypatch.setattr(FeatureFile, "read", None)
    assert survey(store, store.ids, values=False).lengths == dict.fromkeys("abc", resample_to or 40)
    assert seen == ["a", "b", "c"]


def test_presence_is_told_without_reading(tmp_path, opened):
    for name in ("a", "b"):
        (tmp_path / f"{name}.npy").touch()  # cannot be read
    assert missing_videos(opened(tmp_path), ["c", "a", "d"]) == ["c", "d"]
