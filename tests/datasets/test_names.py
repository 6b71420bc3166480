import pytest

from untrimmed.datasets.names import fitting_pattern, of_other_videos, with_pattern

IDS = [f"video_{number:03}" for number in range(50)]


@pytest.mark.parametrize(("before", "after"), [("v_", ""), ("", "-rgb"), ("v_", ".mp4"), ("", "")])
def test_the_pattern_is_what_stands_around_the_names(before: str, after: str) -> None:
    names = [f"{before}{video_id}{after}" for video_id in IDS[:40]] + ["notes", "other"]
    assert fitting_pattern(names, IDS) == (f"{before}{{video}}{after}", 40)


def test_names_of_other_videos_fit_no_pattern() -> None:
    assert fitting_pattern(["match-1", "match-2"], IDS) is None
    assert fitting_pattern([], IDS) is None


def test_a_better_pattern_is_only_proposed_where_none_fits() -> None:
    names = ["v_video_001", "v_video_002"]
    assert (
        with_pattern("{video}-rgb", names, IDS)
        == "with data.pattern=v_{video} 2 of them belong to annotated videos"
    )
    assert with_pattern("v_{video}", names, IDS) is None
    assert with_pattern("{video}-rgb", ["match-1"], IDS) is None


def test_features_of_another_data_set_are_called_that() -> None:
    found = of_other_videos(["a1", "a2", "a3"], ["a1", "a2", "a3"], IDS)
    assert found == (
        "none of the 3 feature files belongs to an annotated video: names such as a1, a2, a3; the annotated "
        "videos have names such as video_000, video_001, video_002, video_003, video_004, ...; are these the "
        "features of another data set, or does data.pattern need a prefix?"
    )


def test_names_with_a_prefix_get_a_pattern() -> None:
    names = [f"v_{video_id}" for video_id in IDS]
    found = of_other_videos(names, names, IDS)
    assert found is not None
    assert found.endswith("; with data.pattern=v_{video} 50 of the files would belong to one")


def test_nothing_is_said_where_most_belong() -> None:
    assert of_other_videos([*IDS, "a1"], [*IDS, "a1"], IDS) is None
    few_of_many = of_other_videos([IDS[0], "a1", "a2"], [IDS[0], "a1", "a2"], IDS)
    assert few_of_many is not None
    assert few_of_many.startswith(
        "only 1 of the 3 feature files belongs to an annotated video: names such as a1, a2;"
    )
