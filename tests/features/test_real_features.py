import json

import numpy as np
import pytest

from untrimmed.features.opening import open_features
from untrimmed.features.survey import survey


@pytest.fixture(scope="module")
def recordings(shared):
    """The 61 recordings of the HAPT data set: 6 channels at 50 Hz, in windows of a second."""
    folder = shared / "data" / "hapt" / "signals"
    return folder, open_features(folder, fps=50, stride=25, window=50, raw=True, dimension=300)


def test_all_recordings_of_hapt_can_be_read(shared, recordings):
    _, store = recordings
    labelled = json.loads((shared / "data" / "hapt" / "annotations.json").read_text())["database"]
    found = survey(store, labelled)
    assert found.sentences() == []
    assert len(found.lengths) == len(store) == 61
    for video_id, steps in found.lengths.items():
        # The last window ends with the recording, or less than one hop of half a second before.
        left_over = labelled[video_id]["duration"] - store.grid(video_id).end_seconds(steps)
        assert -0.011 < left_over < 0.511


def test_a_vector_of_hapt_is_one_second_of_six_channels(recordings):
    folder, store = recordings
    samples = np.load(folder / "exp01_user01.npy")
    vectors = store.read("exp01_user01", 100, 110)
    assert vectors.shape == (10, 300)
    for row, step in enumerate(range(100, 110)):
        np.testing.assert_array_equal(vectors[row].reshape(6, 50), samples[step * 25 : step * 25 + 50].T)


def test_rgb_and_flow_of_a_clip_lie_side_by_side(shared):
    clips = shared / "data" / "clips"
    store = open_features(clips, pattern=["{video}_rgb", "{video}_flow"], fps=30, stride=16, window=16)
    assert store.ids == ("women_long_jump",)
    values = store["women_long_jump"].values
    assert values.shape == (14, 2048)
    np.testing.assert_array_equal(values[:, :1024], np.load(clips / "women_long_jump_rgb.npy"))
    np.testing.assert_array_equal(values[:, 1024:], np.load(clips / "women_long_jump_flow.npy"))
