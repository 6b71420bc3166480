from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import Dataset

from untrimmed.annotations.annotations import Annotations, Segments, Videos
from untrimmed.errors import InputError, MissingExtraError
from untrimmed.features.opening import open_features
from untrimmed.training.samples import Cropping, Sample, TrainingVideos
from untrimmed.training.stream import Batch, Loader, Share, Stream, Whole, collate, steps_per_epoch
from untrimmed.training.targets import SequenceTruth


class Numbered:
    """Videos whose samples are only their number."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def sample(self, video: int, generator: np.random.Generator) -> int:
        return video


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> TrainingVideos:
    """Seven videos of 20 to 26 steps, each with an action, that are cropped."""
    folder = tmp_path_factory.mktemp("features")
    ids = tuple(f"video-{number}" for number in range(7))
    for number, video_id in enumerate(ids):
        np.save(folder / f"{video_id}.npy", np.full((20 + number, 2), number, dtype=np.float32))
    annotations = Annotations(
        ("act",),
        Videos(ids, np.full(7, 3.0), np.full(7, 10.0), ("training",) * 7),
        Segments(np.arange(7), np.full(7, 0.5), np.full(7, 1.5), np.zeros(7, dtype=np.int64)),
    )
    store = open_features(folder, fps=10, stride=1, window=0)
    return TrainingVideos(store, annotations, Cropping(max_length=15))


def same(first: Batch, second: Batch) -> bool:
    return (
        first.videos == second.videos
        and first.lengths == second.lengths
        and first.noise_seeds == second.noise_seeds
        and torch.equal(first.features, second.features)
        and all(
            torch.equal(one.segments, other.segments) and torch.equal(one.labels, other.labels)
            for one, other in zip(first.truths, second.truths, strict=True)
        )
    )


# Which video is when


@given(st.integers(1, 12), st.integers(0, 100), st.integers(0, 2**32))
def test_at_any_moment_every_video_was_seen_equally_often_up_to_once(count, steps, seed):
    stream = Stream(Numbered(count), seed)
    seen = Counter(dict.fromkeys(range(count), 0))
    seen.update(stream[position] for position in range(steps))
    assert max(seen.values()) - min(seen.values()) <= 1


def test_the_order_differs_from_shuffle_to_shuffle_and_from_seed_to_seed():
    first, other = ([Stream(Numbered(20), seed)[position] for position in range(40)] for seed in (0, 1))
    assert first[:20] != first[20:]
    assert first[:20] != other[:20]


def test_the_order_is_the_same_whatever_was_asked_for_before():
    forwards = [Stream(Numbered(9), 5)[position] for position in range(90)]
    stream = Stream(Numbered(9), 5)
    backwards = [stream[position] for position in reversed(range(90))]
    assert forwards == backwards[::-1]


def test_an_epoch_has_as_many_steps_as_hold_all_videos():
    assert [steps_per_epoch(videos, 4) for videos in (1, 4, 5, 8)] == [1, 1, 2, 2]


# Shares


def test_an_epoch_begins_where_the_one_before_it_ended():
    positions = [position for epoch in range(3) for batch in Share(epoch, 2, 4) for position in batch]
    assert positions == list(range(24))


@given(epoch=st.integers(0, 5), steps=st.integers(1, 5), own=st.integers(1, 4), processes=st.integers(1, 4))
def test_the_shares_of_all_processes_are_the_batch_of_one(epoch, steps, own, processes):
    shares = [Share(epoch, steps, own * processes, rank, processes) for rank in range(processes)]
    together = [[position for part in parts for position in part] for parts in zip(*shares, strict=True)]
    assert together == list(Share(epoch, steps, own * processes))
    assert all(len(share) == steps for share in shares)


# Samples


def test_the_sample_at_a_position_is_always_the_same(videos):
    first, second = (collate([Stream(videos, 3)[position] for position in (8, 2, 5)]) for _ in range(2))
    assert same(first, second)


def test_samples_of_one_video_at_two_positions_differ(videos):
    stream = Stream(videos, 3)
    of_first = [sample for sample in (stream[position] for position in range(21)) if sample.video == 0]
    assert len({sample.noise_seed for sample in of_first}) == 3
    assert len({sample.truth.segments[0, 0].item() for sample in of_first}) > 1  # they are cut elsewhere


def test_samples_depend_on_the_seed(videos):
    first, second = (Stream(videos, seed) for seed in (0, 1))
    one = [first[position] for position in range(7)]
    other = [second[position] for position in range(7)]
    assert [sample.video for sample in one] != [sample.video for sample in other]
    assert not {sample.noise_seed for sample in one} & {sample.noise_seed for sample in other}


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_do_not_depend_on_the_number_of_loader_processes(videos, workers):
    stream, share = Stream(videos, 0), Share(epoch=1, steps=3, batch_size=3)
    here = list(Loader(stream, share, workers=0))
    apart = list(Loader(stream, share, workers=workers))
    assert len(here) == len(apart) == 3
    assert all(map(same, here, apart))


def test_the_batches_of_two_processes_are_the_halves_of_the_batch_of_one(videos):
    stream = Stream(videos, 0)
    (whole,) = Loader(stream, Share(2, 1, 4), workers=0)
    halves = [next(iter(Loader(stream, Share(2, 1, 4, rank, 2), workers=0))) for rank in (0, 1)]
    assert halves[0].videos + halves[1].videos == whole.videos
    for half, first in zip(halves, (0, 2), strict=True):
        steps = half.features.shape[1]
        assert torch.equal(half.features, whole.features[first : first + 2, :steps])
        assert torch.equal(half.with_noise(0.5), whole.with_noise(0.5)[first : first + 2, :steps])


def test_videos_are_whole_and_in_order_for_validation(videos):
    samples = [Whole(videos)[row] for row in range(len(Whole(videos)))]
    assert [sample.video for sample in samples] == list(range(7))
    for number, sample in enumerate(samples):
        assert torch.equal(sample.features, torch.full((20 + number, 2), float(number)))
        assert sample.truth.segments.tolist() == [[5, 15]]


# Files that break


class Breaking(Dataset[Sample]):
    """Samples of which number 3 cannot be read, for a reason that does not survive the way from a process."""

    def __getitem__(self, position: int) -> Sample:
        if position == 3:
            raise MissingExtraError("h5py", "h5", "reading .h5 files")
        return sample_of(position, 2)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_file_that_cannot_be_read_is_told_in_its_own_sentence_whoever_reads_it(workers):
    batches = iter(Loader(Breaking(), [[0, 1], [2, 3], [4]], workers))
    assert next(batches).videos == (0, 1)
    with pytest.raises(InputError) as told:
        next(batches)
    assert str(told.value) == str(MissingExtraError("h5py", "h5", "reading .h5 files"))
    assert next(batches, None) is None


# Batches


def sample_of(video: int, steps: int) -> Sample:
    truth = SequenceTruth(torch.tensor([[0.0, float(steps)]]), torch.tensor([video]))
    return Sample(video, torch.full((steps, 2), float(video)), truth, noise_seed=100 + video)


def test_a_batch_is_padded_with_zeros_to_its_longest_sample():
    batch = collate([sample_of(4, 2), sample_of(7, 5), sample_of(1, 1)])
    assert batch.videos == (4, 7, 1)
    assert batch.lengths == (2, 5, 1)
    assert batch.features[..., 0].tolist() == [[4, 4, 0, 0, 0], [7, 7, 7, 7, 7], [1, 0, 0, 0, 0]]
    assert [truth.labels.item() for truth in batch.truths] == [4, 7, 1]
    assert batch.noise_seeds == (104, 107, 101)


def test_a_batch_moves_to_a_device_with_everything_it_has():
    batch = collate([sample_of(4, 2), sample_of(7, 5)])
    moved = batch.to(torch.device("meta"))
    assert moved.features.device.type == "meta"
    assert (moved.videos, moved.lengths, moved.truths) == (batch.videos, batch.lengths, batch.truths)
    assert moved.noise_seeds == batch.noise_seeds


# Noise


def test_noise_is_of_the_size_asked_for_and_the_features_stay_without_it():
    batch = collate([sample_of(4, 3000), sample_of(7, 5000)])
    noise = batch.with_noise(0.5) - batch.features
    for row, length in enumerate(batch.lengths):
        assert noise[row, :length].std().item() == pytest.approx(0.5, rel=0.05)
        assert noise[row, :length].mean().item() == pytest.approx(0, abs=0.02)
    assert not noise[0, 3000:].any()
    assert noise.dtype == torch.float32
    assert set(batch.features.flatten().tolist()) == {0, 4, 7}


def test_noise_of_a_sample_is_that_of_its_seed_alone():
    first, second = sample_of(4, 30), sample_of(7, 50)
    alone = collate([first]).with_noise(0.5)[0]
    assert torch.equal(collate([second, first]).with_noise(0.5)[1, :30], alone)
    assert not torch.equal(collate([replace(first, noise_seed=5)]).with_noise(0.5)[0], alone)


def test_no_noise_is_none():
    batch = collate([sample_of(4, 2)])
    assert batch.with_noise(0.0) is batch.features
