import pytest

from untrimmed.errors import InputError
from untrimmed.features.manifest import Manifest, read_manifest, write_manifest


@pytest.fixture
def folder_with(tmp_path):
    def make(text):
        (tmp_path / "features.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return make


@pytest.mark.parametrize(
    "manifest",
    [
        Manifest(fps=29.97, stride=4, window=16, dimension=2048, encoder="I3D, RGB: Kinetics"),
        Manifest(fps=50.0),
        Manifest(),
    ],
)
def test_what_is_written_is_read(tmp_path, manifest):
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest


def test_a_folder_without_manifest_has_none(tmp_path):
    assert read_manifest(tmp_path) is None


def test_small_numbers_are_numbers(folder_with):
    assert read_manifest(folder_with("fps: 1e-3\n")) == Manifest(fps=0.001)


def test_an_empty_manifest_says_nothing(folder_with):
    assert read_manifest(folder_with("# to be filled in\nfps:\n")) == Manifest()


def test_a_misspelt_key_is_told_what_it_may_mean(folder_with):
    with pytest.raises(InputError, match=r"features\.yaml: the key 'strid' is unknown; did you mean stride\?"):
        read_manifest(folder_with("strid: 4\n"))


def test_all_problems_are_told_at_once(folder_with):
    text = "fps: fast\nstride: 0\nwindow: -1\ndimension: 3.5\nencoder: 7\ncolour: red\n"
    with pytest.raises(InputError) as caught:
        read_manifest(folder_with(text))
    message = str(caught.value)
    assert "fps is 'fast', but must be a number above 0" in message
    assert "stride is 0, but must be a number above 0" in message
    assert "window is -1, but must be a number at least 0" in message
    assert "dimension is 3.5, but must be a whole number above 0" in message
    assert "encoder is 7, but must be a name" in message
    assert "the key 'colour' is unknown; the keys are fps, stride, window, dimension, encoder" in message


@pytest.mark.parametrize("text", ["fps: 30\nfps: 25\n", "fps: [30\n", "fps: 30\n  stride: 4\n"])
def test_what_is_not_yaml_or_said_twice_is_refused(folder_with, text):
    with pytest.raises(InputError, match=r"features\.yaml is not valid YAML"):
        read_manifest(folder_with(text))


@pytest.mark.parametrize(
    "text", ["- fps\n- 30\n", "30\n", "fps 30\n", "fps: true\n", "fps: .nan\n", "fps: ${x}\n"]
)
def test_other_contents_are_refused(folder_with, text):
    with pytest.raises(InputError, match=r"features\.yaml"):
        read_manifest(folder_with(text))
