import json
import logging
from pathlib import Path
from typing import Any

import pytest

from untrimmed.config import DataSection
from untrimmed.errors import InputError
from untrimmed.released.class_names import class_names

NOWHERE = Path("nowhere.json")


def data(annotations: Path = NOWHERE, **more: Any) -> DataSection:
    return DataSection(annotations=annotations, features=Path("features"), **more)


def annotations(folder: Path, ids: dict[str, int | None], duration: float = 60.0) -> Path:
    segments = [
        {"segment": [number, number + 1.0], "label": label} | ({} if given is None else {"label_id": given})
        for number, (label, given) in enumerate(ids.items())
    ]
    path = folder / "annotations.json"
    path.write_text(
        json.dumps({"database": {"v1": {"subset": "training", "duration": duration, "annotations": segments}}})
    )
    return path


def test_label_ids_are_the_order_of_the_logits(tmp_path: Path) -> None:
    path = annotations(tmp_path, {"run": 2, "dive": 0, "jump": 1})
    assert class_names(3, data(path), None) == (("dive", "jump", "run"), str(path))


def test_segments_that_training_would_mend_are_no_matter_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = annotations(tmp_path, {"run": 1, "dive": 0}, duration=0.5)
    with caplog.at_level(logging.WARNING):
        assert class_names(2, data(path), None)[0] == ("dive", "run")
    assert not caplog.text


def test_a_label_id_without_a_segment_keeps_its_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = annotations(tmp_path, {"run": 3, "dive": 1})
    with caplog.at_level(logging.WARNING):
        assert class_names(5, data(path), None)[0] == ("class-0", "dive", "class-2", "run", "class-4")
    assert "no segment of 3 of 5 classes" in caplog.text


def test_a_file_given_comes_before_the_recipes_annotations(tmp_path: Path) -> None:
    listed = tmp_path / "names.txt"
    listed.write_text("\ufeffcook rice\n cut \n\n", encoding="utf-8")
    path = annotations(tmp_path, {"run": 1, "dive": 0})
    assert class_names(2, data(path), listed) == (("cook rice", "cut"), str(listed))
    assert class_names(2, data(), path)[0] == ("dive", "run")


def test_classes_that_nobody_names_are_numbered_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert class_names(2, data(), None) == (("class-0", "class-1"), "numbers")
    assert "--classes" in caplog.text


def test_a_class_agnostic_model_has_one_class_called_action() -> None:
    assert class_names(1, data(class_agnostic=True), None)[0] == ("action",)
    with pytest.raises(InputError, match=r"so that there is one class, action, and names.txt names none"):
        class_names(1, data(class_agnostic=True), Path("names.txt"))
    with pytest.raises(InputError, match="class_agnostic is true, but the checkpoint tells 3 classes apart"):
        class_names(3, data(class_agnostic=True), None)


@pytest.mark.parametrize("ids", [{"run": 0, "dive": 4}, {"a": None, "b": None}, {"a": 0, "b": 1, "c": 2, "d": 3}])
def test_names_of_another_number_are_refused(ids: dict[str, int | None], tmp_path: Path) -> None:
    path = annotations(tmp_path, ids)
    with pytest.raises(InputError, match=f"tells 3 classes apart, but .* names {len(ids)}"):
        class_names(3, data(path), None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\n\nb\n", "line 2, is empty"),
        ("a\nb\na\n", "line 3: the class a stands there twice"),
        ("a\n", "names 1"),
    ],
)
def test_a_list_of_names_that_cannot_be_right_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text(text)
    with pytest.raises(InputError, match=said):
        class_names(3, data(), tmp_path / "names.txt")
