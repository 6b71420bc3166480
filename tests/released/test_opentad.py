import pytest
import torch
from torch import Tensor

from untrimmed.released.opentad import is_opentad, renamed, warning

#: OpenTAD's name, its shape, the release's name, its shape: written by hand from the two programs.
TABLE: list[tuple[str, tuple[int, ...], str, tuple[int, ...]]] = [
    ("projection.embed.0.conv.weight", (4, 6, 3), "backbone.embd.0.conv.weight", (4, 6, 3)),
    ("projection.embed.1.norm.weight", (4,), "backbone.embd_norm.1.weight", (1, 4, 1)),
    ("projection.embed.1.norm.bias", (4,), "backbone.embd_norm.1.bias", (1, 4, 1)),
    ("neck.fpn_norms.5.bias", (4,), "neck.fpn_norms.5.bias", (1, 4, 1)),
    ("rpn_head.cls_convs.0.conv.weight", (4, 4, 3), "cls_head.head.0.conv.weight", (4, 4, 3)),
    ("rpn_head.cls_convs.1.norm.weight", (4,), "cls_head.norm.1.weight", (1, 4, 1)),
    ("rpn_head.cls_head.weight", (2, 4, 3), "cls_head.cls_head.conv.weight", (2, 4, 3)),
    ("rpn_head.cls_head.bias", (2,), "cls_head.cls_head.conv.bias", (2,)),
    ("rpn_head.reg_convs.1.conv.weight", (4, 4, 3), "reg_head.head.1.conv.weight", (4, 4, 3)),
    ("rpn_head.reg_convs.0.norm.bias", (4,), "reg_head.norm.0.bias", (1, 4, 1)),
    ("rpn_head.reg_head.weight", (2, 4, 3), "reg_head.offset_head.conv.weight", (2, 4, 3)),
    ("rpn_head.reg_head.bias", (2,), "reg_head.offset_head.conv.bias", (2,)),
    ("rpn_head.scale.3.scale", (), "reg_head.scale.3.scale", ()),
    # ActionFormer's blocks
    ("projection.stem.0.ln1.weight", (4,), "backbone.stem.0.ln1.weight", (1, 4, 1)),
    ("projection.branch.4.ln2.bias", (4,), "backbone.branch.4.ln2.bias", (1, 4, 1)),
    (
        "projection.branch.0.attn.query_norm.weight",
        (4,),
        "backbone.branch.0.attn.query_norm.weight",
        (1, 4, 1),
    ),
    (
        "projection.stem.1.attn.key_conv.conv.weight",
        (4, 1, 3),
        "backbone.stem.1.attn.key_conv.conv.weight",
        (4, 1, 3),
    ),
    ("projection.stem.1.attn.proj.bias", (4,), "backbone.stem.1.attn.proj.bias", (4,)),
    ("projection.stem.1.drop_path_attn.scale", (1, 4, 1), "backbone.stem.1.drop_path_attn.scale", (1, 4, 1)),
    # TriDet's
    ("projection.branch.2.ln.weight", (4,), "backbone.branch.2.ln.weight", (1, 4, 1)),
    ("projection.branch.2.gn.weight", (4,), "backbone.branch.2.gn.weight", (4,)),
    ("projection.branch.2.convkw.weight", (4, 1, 11), "backbone.branch.2.convkw.weight", (4, 1, 11)),
    ("projection.branch.2.mlp.0.bias", (8,), "backbone.branch.2.mlp.0.bias", (8,)),
    ("rpn_head.cls_start_convs.0.conv.weight", (4, 4, 3), "start_head.head.0.conv.weight", (4, 4, 3)),
    ("rpn_head.cls_start_convs.0.norm.bias", (4,), "start_head.norm.0.bias", (1, 4, 1)),
    ("rpn_head.cls_start_head.weight", (2, 4, 3), "start_head.cls_head.conv.weight", (2, 4, 3)),
    ("rpn_head.cls_end_convs.1.conv.weight", (4, 4, 3), "end_head.head.1.conv.weight", (4, 4, 3)),
    ("rpn_head.cls_end_head.bias", (2,), "end_head.cls_head.conv.bias", (2,)),
    # ActionMamba's
    ("projection.stem.0.norm.weight", (4,), "backbone.stem.0.norm.weight", (4,)),
    ("projection.stem.0.mamba.A_log", (4, 16), "backbone.stem.0.mamba.A_log", (4, 16)),
    ("projection.branch.1.mamba.in_proj.weight", (16, 4), "backbone.branch.1.mamba.in_proj.weight", (16, 4)),
    ("projection.branch.1.drop_path.scale", (1, 4, 1), "backbone.branch.1.drop_path.scale", (1, 4, 1)),
]


def numbered(shape: tuple[int, ...]) -> Tensor:
    size = torch.Size(shape).numel()
    return torch.arange(float(size)).reshape(shape)


@pytest.mark.parametrize(("theirs", "shape", "released", "released_shape"), TABLE)
def test_every_tensor_has_the_name_and_the_shape_of_the_release(
    theirs: str, shape: tuple[int, ...], released: str, released_shape: tuple[int, ...]
) -> None:
    done = renamed({theirs: numbered(shape)})
    assert list(done.tensors) == [released]
    assert torch.equal(done.tensors[released], numbered(released_shape))
    assert done.theirs == {released: theirs}


def test_the_running_mean_of_the_loss_is_no_weight() -> None:
    done = renamed({"rpn_head.loss_normalizer": torch.tensor(100)})
    assert done.tensors == {}
    assert done.left_out == ("rpn_head.loss_normalizer",)


def test_what_has_no_name_in_the_release_keeps_its_own() -> None:
    state = {"projection.proj.0.conv.weight": numbered((2, 2, 1)), "backbone.model.conv1.bias": numbered((2,))}
    assert list(renamed(state).tensors) == list(state)


@pytest.mark.parametrize("name", ["projection.embed.0.conv.weight", "rpn_head.scale.0.scale"])
def test_a_checkpoint_is_recognised_by_its_names(name: str) -> None:
    assert is_opentad(["neck.fpn_norms.0.weight", name])
    assert not is_opentad(["neck.fpn_norms.0.weight", "backbone.embd.0.conv.weight", "cls_head.norm.0.bias"])


def test_what_it_computes_otherwise_is_said() -> None:
    said = warning("temporalmaxer", "best.pth")
    assert said.startswith("best.pth was trained with OpenTAD; it is computed as in the release of temporalmaxer")
    assert "1e-6" in said
    assert "even number of steps" in said
    assert "even number of steps" not in warning("tridet", "best.pth")
