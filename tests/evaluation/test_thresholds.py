import numpy as np
import pytest

from untrimmed.errors import InputError
from untrimmed.evaluation.thresholds import checked_tiou, parse_tiou


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.3:0.7:0.1", [0.3, 0.39999999999999997, 0.5, 0.6, 0.7]),
        ("0.1:0.5:0.1", np.linspace(0.1, 0.5, 5)),
        ("0.1:0.9:0.1", np.linspace(0.1, 0.9, 9)),
        ("0.5:0.95:0.05", [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.8999999999999999, 0.95]),
        ("0.5:1:0.5", [0.5, 1.0]),
        ("0.5", [0.5]),
        ("0.5,0.75,0.95", [0.5, 0.75, 0.95]),
        (" 0.5, 0.75 ", [0.5, 0.75]),
        ("1", [1.0]),
    ],
)
def test_ranges_and_lists_become_these_doubles(text, expected):
    assert parse_tiou(text).tolist() == list(expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("abc", '"abc" cannot be read'),
        ("", "cannot be read"),
        ("0.5,", "cannot be read"),
        ("0.3:0.7", "cannot be read"),
        ("0.3:0.7:0.1:0.1", "cannot be read"),
        ("0.3:0.5,0.7", "cannot be read"),
        ("0.7:0.3:0.1", "start below the stop"),
        ("0.1:0.1:0.9", "start:stop:step"),
        ("0.3:0.7:-0.1", "step above 0"),
        ("0.3:0.7:0", "step above 0"),
        ("0.3:nan:0.1", "are no range"),
        ("0.3:inf:0.1", "are no range"),
        ("0.3:0.7:0.15", "must divide 0.4"),
        ("0:0.5:0.1", "tIoU threshold 0 is not above 0"),
        ("0.5:1.5:0.5", "tIoU threshold 1.5 is not above 0 and at most 1"),
        ("30", "tIoU threshold 30 is not"),
        ("nan", "tIoU threshold nan is not"),
        ("0.5,0.5", "must rise, each given once"),
        ("0.7,0.5", "must rise"),
    ],
)
def test_nonsense_is_told_in_a_sentence(text, words):
    with pytest.raises(InputError) as caught:
        parse_tiou(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_arrays_are_checked_alike():
    assert checked_tiou(0.5).tolist() == [0.5]
    for wrong in ([], [[0.5]], [0.0, 0.5], [0.5, 0.4]):
        with pytest.raises(InputError):
            checked_tiou(wrong)
