"""Each node gives what the pipeline gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from adain_nodes.host.errors import InputError
from adain_nodes.models.model import Model
from adain_nodes.nodes import NODE_CLASS_MAPPINGS
from adain_nodes.pipeline import transfer
from adain_nodes.pipeline.types import Features, Style


def run(name: str, **inputs: Any) -> Any:
    """A node's first output."""
    node = NODE_CLASS_MAPPINGS[name]()
    return getattr(node, node.FUNCTION)(**inputs)[0]


@pytest.fixture
def content() -> Tensor:
    return torch.rand(1, 20, 28, 3)


@pytest.fixture
def art() -> Tensor:
    return torch.rand(1, 24, 17, 3)


@pytest.fixture
def features(model: Model, content: Tensor) -> Features:
    return transfer.encode(model, content)


@pytest.fixture
def style(model: Model, art: Tensor) -> Style:
    return transfer.style_statistics(transfer.encode(model, art))


@pytest.fixture
def mask() -> Tensor:
    return (torch.arange(28) < 13).float().expand(1, 20, 28)


TRANSFER = {"mask_statistics": "region", "mask_resize": "area", "apply_mask": True}


def test_the_graph_of_the_paper_equals_stylize(model: Model, content: Tensor, art: Tensor) -> None:
    encoded = run("AdaINEncode", model=model, image=content, shorter_side=0)
    style = run(
        "AdaINStyle",
        features=run("AdaINEncode", model=model, image=art, shorter_side=12),
        mask_resize="area",
    )
    target = run("AdaINTransfer", content=encoded, style=style, alpha=0.7, **TRANSFER)
    expected = run("AdaINDecode", model=model, features=target)

    result = run(
        "AdaINStylize",
        model=model,
        content=content,
        style_image=art,
        alpha=0.7,
        content_size=0,
        style_size=12,
        mask_statistics="region",
    )

    assert result.shape == content.shape
    torch.testing.assert_close(result, expected)


def test_stylize_takes_a_style_in_place_of_a_picture(
    model: Model, content: Tensor, art: Tensor, style: Style
) -> None:
    options = {"alpha": 1.0, "content_size": 0, "style_size": 0, "mask_statistics": "image"}
    of_picture = run("AdaINStylize", model=model, content=content, style_image=art, **options)
    of_style = run("AdaINStylize", model=model, content=content, style=style, **options)
    torch.testing.assert_close(of_style, of_picture)


@pytest.mark.parametrize("linked", ["neither", "both"])
def test_stylize_wants_one_style(
    model: Model, content: Tensor, art: Tensor, style: Style, linked: str
) -> None:
    links = {} if linked == "neither" else {"style": style, "style_image": art}
    with pytest.raises(InputError, match=linked):
        run(
            "AdaINStylize",
            model=model,
            content=content,
            alpha=1.0,
            content_size=0,
            style_size=0,
            mask_statistics="region",
            **links,
        )


def test_interpolation_ignores_the_weight_of_an_unlinked_style(model: Model, style: Style) -> None:
    other = transfer.style_statistics(transfer.encode(model, torch.rand(1, 16, 16, 3)))
    expected = transfer.interpolate_styles([style, other], [3.0, 1.0])
    mixed = run(
        "AdaINInterpolateStyles",
        style_1=style,
        weight_1=np.float32(3),  # as other packs' nodes may give it
        style_2=other,
        weight_2=1,
        weight_3=50.0,
        weight_4=1.0,
    )
    torch.testing.assert_close(mixed.statistics.mean, expected.statistics.mean)
    torch.testing.assert_close(mixed.statistics.std, expected.statistics.std)


def test_a_region_node_composes_what_is_linked(features: Features, mask: Tensor) -> None:
    bright = Features(features.values + 1, features.size, None, features.encoder)
    composed = run(
        "AdaINSpatialMask", features_1=bright, mask_1=mask, outside=features, mask_resize="area"
    )
    expected = transfer.compose([(bright, mask)], features)
    torch.testing.assert_close(composed.values, expected.values)


def test_a_region_without_its_mask_is_an_error_that_names_it(
    features: Features, mask: Tensor
) -> None:
    with pytest.raises(InputError, match="mask_3"):
        run(
            "AdaINSpatialMask",
            features_1=features,
            mask_1=mask,
            features_3=features,
            outside=features,
            mask_resize="area",
        )


def test_a_transfer_can_leave_its_mask_to_the_region_node(
    features: Features, style: Style, mask: Tensor
) -> None:
    soft = 0.5 * torch.ones_like(mask)
    options = {**TRANSFER, "apply_mask": False}
    styled = run("AdaINTransfer", content=features, style=style, alpha=1.0, mask=soft, **options)
    composed = run(
        "AdaINSpatialMask",
        features_1=styled,
        mask_1=soft,
        features_2=styled,
        mask_2=soft,
        outside=features,
        mask_resize="area",
    )
    whole = transfer.transfer(features, style)
    torch.testing.assert_close(composed.values, whole.values)


def test_every_example_picture_loads_with_its_brightness_as_mask() -> None:
    node: Any = NODE_CLASS_MAPPINGS["AdaINExampleImage"]
    for name in node.INPUT_TYPES()["required"]["image"][0]:
        image, mask = node().load(image=name)
        assert image.ndim == 4 and image.shape[:3] == mask.shape, name
        assert image.min() >= 0 and image.max() <= 1
        if name.startswith("mask-"):
            torch.testing.assert_close(mask, image[..., 0])


def test_the_loader_offers_the_embedded_model_first() -> None:
    node: Any = NODE_CLASS_MAPPINGS["AdaINModelLoader"]
    names = node.INPUT_TYPES()["required"]["model_name"][0]
    assert names[0] == "adain-vgg16"


def test_the_loader_passes_the_tile_size_on() -> None:
    options = {"model_name": "adain-vgg16", "precision": "fp32"}
    assert run("AdaINModelLoader", **options).tile_size == 0
    assert run("AdaINModelLoader", **options, tile_size=256).tile_size == 256


@pytest.mark.parametrize("name", ["adain-vgg16", "adain-vgg16-content"])
def test_embedded_models_reconstruct_and_stylize_a_photograph(name: str) -> None:
    """The shipped weights once end to end: structure at alpha 0, the style's colours at alpha 1."""
    model = run("AdaINModelLoader", model_name=name, precision="fp32")
    photograph = _example("content-pavilion.jpg")
    art = _example("style-poppies.jpg")
    options = {"content_size": 0, "style_size": 0, "mask_statistics": "region"}

    rebuilt = run(
        "AdaINStylize", model=model, content=photograph, style_image=art, alpha=0.0, **options
    )
    styled = run(
        "AdaINStylize", model=model, content=photograph, style_image=art, alpha=1.0, **options
    )

    assert rebuilt.shape == styled.shape == photograph.shape
    error = (rebuilt - photograph).square().mean()
    assert error < 0.5 * photograph.var(), "alpha 0 does not show the photograph"
    colors = styled.mean((0, 1, 2))
    to_style = (colors - art.mean((0, 1, 2))).norm()
    to_content = (colors - photograph.mean((0, 1, 2))).norm()
    assert to_style < to_content, "alpha 1 does not have the style's colours"


def _example(name: str) -> Tensor:
    picture = run("AdaINExampleImage", image=name)
    assert isinstance(picture, Tensor)
    return picture


@pytest.mark.parametrize("kind", ["style", "style_image"])
def test_every_combination_gives_every_content_in_every_style(model: Model, kind: str) -> None:
    contents, arts = torch.rand(2, 20, 28, 3), torch.rand(3, 24, 17, 3)
    features = transfer.encode(model, arts)
    styles = {"style": transfer.style_statistics(features), "style_image": arts}[kind]
    options = {"alpha": 1.0, "content_size": 0, "style_size": 0, "mask_statistics": "image"}
    results = run(
        "AdaINStylize", model=model, content=contents, pairing="every combination",
        **{kind: styles}, **options,
    )  # fmt: skip
    assert len(results) == 6
    for number, result in enumerate(results):
        content, art = contents[number // 3][None], arts[number % 3][None]
        single = run("AdaINStylize", model=model, content=content, style_image=art, **options)
        torch.testing.assert_close(result, single[0])


def test_a_mixture_over_time_is_one_style_and_has_no_combinations(
    model: Model, content: Tensor, art: Tensor
) -> None:
    with pytest.raises(InputError, match=r"weights_over_time mixes .* 'one to one'"):
        run(
            "AdaINStylize", model=model, content=content.expand(3, -1, -1, -1),
            style_image=art.expand(2, -1, -1, -1),
            alpha=1.0, content_size=0, style_size=0, mask_statistics="image",
            weights_over_time="0:1,0 / end:0,1", pairing="every combination",
        )  # fmt: skip


@pytest.mark.parametrize("alpha", [-0.1, 1.5, float("nan")])
def test_a_linked_alpha_out_of_range_is_an_error(
    model: Model, features: Features, style: Style, content: Tensor, alpha: float
) -> None:
    # ComfyUI checks the range of widgets only, not of what is linked.
    with pytest.raises(InputError, match="alpha"):
        run("AdaINTransfer", content=features, style=style, alpha=alpha, **TRANSFER)
    with pytest.raises(InputError, match="alpha"):
        run(
            "AdaINStylize", model=model, content=content, style=style, alpha=alpha,
            content_size=0, style_size=0, mask_statistics="image",
        )  # fmt: skip
