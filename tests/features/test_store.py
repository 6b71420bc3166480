import logging
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from untrimmed.errors import InputError
from untrimmed.features.opening import open_features
from untrimmed.features.problems import NotFiniteError, WrongDimensionError
from untrimmed.features.resampling import resample_linear
from untrimmed.features.signals import Folding
from untrimmed.features.time_grid import TimeGrid

VALUES = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)


def test_a_store_knows_its_videos_without_reading_them(tmp_path, opened):
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.npy").touch()
    store = opened(tmp_path)
    assert store.ids == ("a", "b", "c")
    assert len(store) == 3
    assert "b" in store
    assert "d" not in store


def test_a_sequence_has_its_values_and_its_grid(tmp_path, save, opened):
    save(tmp_path / "a.npy", VALUES)
    sequence = opened(tmp_path)["a"]
    np.testing.assert_array_equal(sequence.values, VALUES)
    assert sequence.grid == TimeGrid(30, 4, 16)
    assert opened(tmp_path).grid("a") == sequence.grid


def test_sequences_are_read_from_a_folder_for_each_subset(tmp_path, save, opened):
    for subset, video in (("training", "a"), ("validation", "b")):
        (tmp_path / subset).mkdir()
        save(tmp_path / subset / f"{video}.npy", VALUES)
    store = opened(tmp_path)
    assert store.ids == ("a", "b")
    np.testing.assert_array_equal(store.read("b", 3, 9), VALUES[3:9])


def test_an_unknown_video_is_named_with_some_that_exist(tmp_path, save, opened):
    save(tmp_path / "a.npy", VALUES)
    for read in (
        lambda store: store["x"],
        lambda store: store.length("x"),
        lambda store: store.read("x", 0, 1),
    ):
        with pytest.raises(InputError, match="no features of the video 'x'; it has 1 videos: a"):
            read(opened(tmp_path))


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 5), (7, 5), (0, 41), (40, None)])
def test_steps_outside_the_sequence_are_a_programming_error(tmp_path, save, opened, start, stop):
    save(tmp_path / "a.npy", VALUES)
    with pytest.raises(ValueError, match="do not lie within the 40 steps of 'a'"):
        opened(tmp_path).read("a", start, stop)
    with pytest.raises(ValueError, match="do not lie within the 40 steps of 'a'"):
        opened(tmp_path, resample_to=40).read("a", start, stop)


def test_a_pickled_store_reads_the_same(tmp_path, save, opened):
    save(tmp_path / "a.npy", VALUES)
    store = opened(tmp_path, fps={"a": 25.0})
    for copy in (pickle.loads(pickle.dumps(store)), (store["a"], pickle.loads(pickle.dumps(store)))[1]):
        assert copy.ids == ("a",)
        np.testing.assert_array_equal(copy["a"].values, VALUES)
        assert copy["a"].grid == TimeGrid(25, 4, 16)


def test_nothing_read_is_kept(tmp_path, save, opened):
    for number in range(20):
        save(tmp_path / f"{number}.npy", np.ones((500, 100), np.float32))
    store = opened(tmp_path)
    _ = store["0"], store.dimension
    size = len(pickle.dumps(store))
    for video_id in store.ids:
        store[video_id]
    assert len(pickle.dumps(store)) == size


# --- sources side by side


def two_sources(root, save, rgb_steps, flow_steps):
    rgb = np.arange(rgb_steps * 3, dtype=np.float32).reshape(-1, 3)
    flow = -np.arange(flow_steps * 2, dtype=np.float32).reshape(-1, 2)
    save(root / "rgb" / "a.npy", rgb)
    save(root / "flow" / "a.npz", flow)
    return rgb, flow


def test_sources_are_put_side_by_side(tmp_path, save, opened):
    rgb, flow = two_sources(tmp_path, save, 10, 10)
    store = opened([tmp_path / "rgb", tmp_path / "flow"])
    assert store.dimension == 5
    np.testing.assert_array_equal(store["a"].values, np.concatenate([rgb, flow], axis=1))
    np.testing.assert_array_equal(store.read("a", 4, 7), np.concatenate([rgb, flow], axis=1)[4:7])
    assert not store.cut


@pytest.mark.parametrize(("rgb_steps", "flow_steps"), [(10, 9), (8, 10)])
def test_up_to_two_steps_more_are_cut_and_told_once(tmp_path, save, opened, caplog, rgb_steps, flow_steps):
    rgb, flow = two_sources(tmp_path, save, rgb_steps, flow_steps)
    for source in ("rgb/b.npy", "flow/b.npy"):
        save(tmp_path / source, (rgb if source.startswith("rgb") else flow))
    store = opened([tmp_path / "rgb", tmp_path / "flow"])
    steps = min(rgb_steps, flow_steps)
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(store["a"].values, np.concatenate([rgb[:steps], flow[:steps]], axis=1))
        assert store.length("a") == steps
        assert store.length("b") == steps
    assert store.cut == {"a", "b"}
    (record,) = caplog.records
    assert f"a.npy has {rgb_steps} and" in record.getMessage()
    assert f"a.npz has {flow_steps} steps: the video 'a' is cut to {steps}" in record.getMessage()


def test_three_steps_more_are_an_error_that_names_both_files(tmp_path, save, opened):
    two_sources(tmp_path, save, 10, 13)
    with pytest.raises(InputError, match=r"differ by more than 2 steps: .*a\.npy has 10 and .*a\.npz has 13"):
        opened([tmp_path / "rgb", tmp_path / "flow"])["a"]


# --- what is wrong with a file


@pytest.mark.parametrize(("bad", "values", "first"), [(np.nan, 2, 7), (np.inf, 2, 7), (-np.inf, 2, 7)])
def test_values_that_are_not_finite_are_counted_and_placed(tmp_path, save, opened, bad, values, first):
    array = VALUES.copy()
    array[7, 3] = array[20, 0] = bad
    save(tmp_path / "a.npy", array)
    store = opened(tmp_path)
    with pytest.raises(NotFiniteError, match=rf"a\.npy holds {values} values .* the first at step {first}"):
        store["a"]
    with pytest.raises(NotFiniteError, match=r"a\.npy holds 1 values .* the first at step 20"):
        store.read("a", 8, 30)
    np.testing.assert_array_equal(store.read("a", 8, 20), VALUES[8:20])


def test_numbers_too_large_for_float32_are_not_made_infinite_in_silence(tmp_path, save, opened):
    save(tmp_path / "a.npy", np.array([[1.0, 1e300]]))
    with pytest.raises(NotFiniteError, match="NaN or infinite"):
        opened(tmp_path)["a"]


def test_large_numbers_whose_sum_overflows_are_finite(tmp_path, save, opened):
    array = np.full((3, 4), 3e38, np.float32)
    save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(opened(tmp_path)["a"].values, array)


def test_another_dimension_than_expected_is_named_with_who_expects_it(tmp_path, save, opened):
    save(tmp_path / "a.npy", VALUES)
    with pytest.raises(WrongDimensionError, match=r"a\.npy has 6 values a step instead of the 8 of recipe\.yaml"):
        opened(tmp_path, dimension=8, said_in="recipe.yaml")["a"]


def test_another_dimension_than_the_first_file_is_named_with_it(tmp_path, save, opened):
    for name, dimension in (("a", 6), ("b", 5), ("c", 6)):
        save(tmp_path / f"{name}.npy", VALUES[:, :dimension])
    store = opened(tmp_path)
    with pytest.raises(WrongDimensionError, match=r"b\.npy has 5 .* the 6 of the first file, .*a\.npy"):
        store["b"]
    assert store["c"].values.shape == (40, 6)


def test_a_broken_first_file_leaves_the_others_readable(tmp_path, save, opened):
    (tmp_path / "a.npy").touch()
    save(tmp_path / "b.npy", VALUES)
    store = opened(tmp_path)
    assert store.dimension == 6
    np.testing.assert_array_equal(store["b"].values, VALUES)


def test_a_store_of_broken_files_has_no_dimension(tmp_path, opened):
    for name in ("b", "a"):
        (tmp_path / f"{name}.npy").touch()
    with pytest.raises(InputError, match=r"a\.npy cannot be read"):
        _ = opened(tmp_path).dimension


def test_swapped_axes_are_suspected_where_they_fit(tmp_path, save, opened):
    save(tmp_path / "a.npy", np.ascontiguousarray(VALUES.T))
    with pytest.raises(WrongDimensionError, match="axes seem to be swapped: set layout to channels_first"):
        opened(tmp_path, dimension=6)["a"]


def test_the_dimension_of_all_sources_is_checked_at_the_first_reading(tmp_path, save, opened):
    two_sources(tmp_path, save, 10, 10)
    store = opened([tmp_path / "rgb", tmp_path / "flow"], dimension=6)
    with pytest.raises(WrongDimensionError, match=r"dimension is 6 in .*, but the features have 5 \(3 in .*rgb"):
        store.read("a", 0, 1)


# --- raw signals


@pytest.fixture(scope="module")
def signals(tmp_path_factory, save):
    """A store of 40 samples of 6 channels, folded by windows of 8 samples each 3."""
    folder = tmp_path_factory.mktemp("signals")
    save(folder / "a.npy", VALUES)
    save(folder / "short.npy", VALUES[:5])
    return open_features(folder, fps=50, stride=3, window=8, raw=True)


def test_raw_signals_are_folded_into_vectors(signals):
    sequence = signals["a"]
    assert sequence.values.shape == (11, 48)
    np.testing.assert_array_equal(sequence.values[2], VALUES[6:14].T.ravel())
    assert sequence.grid == TimeGrid(50, 3, 8)
    assert signals.length("a") == 11
    assert signals.dimension == 48


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_crop_of_a_raw_signal_is_that_slice_of_the_whole(signals, data):
    start = data.draw(st.integers(0, 10))
    stop = data.draw(st.integers(start + 1, 11))
    np.testing.assert_array_equal(signals.read("a", start, stop), Folding(8, 3).fold(VALUES)[start:stop])


def test_a_signal_shorter_than_a_window_is_one_padded_vector(signals):
    assert signals.length("short") == 1
    values = signals["short"].values
    assert values.shape == (1, 48)
    np.testing.assert_array_equal(values.reshape(6, 8)[:, 4:], np.repeat(VALUES[4][:, None], 4, axis=1))


def test_a_crop_reads_only_its_samples(tmp_path, save, opened):
    array = VALUES.copy()
    array[20] = np.nan
    save(tmp_path / "a.npy", array)
    store = opened(tmp_path, raw=True, stride=3, window=8)
    assert np.isfinite(store.read("a", 0, 5)).all()  # samples 0 to 19
    with pytest.raises(NotFiniteError, match="the first at step 20"):
        store.read("a", 0, 6)


# --- a fixed length


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_resampled_crops_are_slices_of_the_whole(tmp_path_factory, save, data):
    length, new_length = data.draw(st.integers(1, 50)), data.draw(st.integers(1, 50))
    folder = tmp_path_factory.mktemp("resampled")
    values = np.random.default_rng(length).standard_normal((length, 3)).astype(np.float32)
    save(folder / "a.npy", values)
    store = open_features(folder, fps=30, stride=4, window=16, resample_to=new_length)
    start = data.draw(st.integers(0, new_length - 1))
    stop = data.draw(st.integers(start + 1, new_length))
    np.testing.assert_array_equal(store.read("a", start, stop), resample_linear(values, new_length)[start:stop])
    assert store.length("a") == len(store["a"]) == new_length
    assert store["a"].grid == store.grid("a") == TimeGrid(30, 4, 16).resampled(length, new_length)


def test_signals_are_folded_before_they_are_resampled(tmp_path, save, opened):
    save(tmp_path / "a.npy", VALUES)
    store = opened(tmp_path, raw=True, stride=3, window=8, resample_to=20)
    np.testing.assert_array_equal(store["a"].values, resample_linear(Folding(8, 3).fold(VALUES), 20))
    assert store["a"].grid == TimeGrid(30, 3, 8).resampled(11, 20)


def test_delayed_windows_hold_later_samples_at_later_times(tmp_path):
    samples = np.arange(40, dtype=np.float32)[:, None]
    np.save(tmp_path / "a.npy", samples)
    store = open_features(tmp_path, fps=10, stride=4, window=6, raw=True)
    delayed = store.delayed(3)
    assert delayed.length("a") == (40 - 3 - 6) // 4 + 1
    np.testing.assert_array_equal(delayed.read("a", 2, 3)[0], np.arange(3 + 8, 3 + 8 + 6))
    assert delayed.grid("a").seconds(2.0) == pytest.approx(store.grid("a").seconds(2.0) + 0.3)
    assert delayed.delayed(1).grid("a").first == 4


def test_only_raw_signals_can_be_delayed(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 2), np.float32))
    with pytest.raises(ValueError, match="only the windows of raw signals"):
        open_features(tmp_path, fps=10, stride=4, window=6).delayed(1)
