"""Sets of pictures in random styles, to train networks on shapes rather than textures (Geirhos et
al., ImageNet-trained CNNs are biased towards texture, ICLR 2019).

    plan = augmentation_plan.make_plan(Path("photos"), Path("art"), Path("stylized"))
    for outcome in augment(load_model(), plan):
        print(outcome.status, outcome.result.output)

Results that are there already are left as they are, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...files.pictures import check_writable, read_picture, write_picture
from ...host.errors import InputError
from ...models.model import Model
from ...pipeline.checks import check_same_encoder
from ...pipeline.scaling import scaled_size
from ...pipeline.transfer import decode, encode, style_of, transfer
from ...pipeline.types import Features, Style
from .manifest import record
from .plan import Plan, PlannedResult


@dataclass(frozen=True)
class Outcome:
    """What became of a planned result."""

    result: PlannedResult
    """What was planned."""

    status: Literal["written", "found", "skipped"]
    """`found` was there already; `skipped` has a content or a style that cannot be read."""

    problem: str = ""
    """Why it was skipped."""


def augment(model: Model, plan: Plan, *, rank: int = 0, ranks: int = 1) -> Iterator[Outcome]:
    """Makes the results of a plan that are not there yet, and their manifest.

    Every process needs the same plan and makes the same results, whatever their number. Nothing is
    half written: each file is there whole or not at all.

    Args:
        model: what to use.
        plan: see `make_plan`.
        rank: which of the processes that share the work this is, 0 to ranks-1.
        ranks: number of those.

    Yields:
        One outcome for each result of this process, in the order of the contents.

    Raises:
        InputError: another model made a style file, a result is there that was made otherwise (see
            `record`), or one cannot be written.
    """
    styles = _Styles(model, plan)
    # A name alone could be that of another file by now.
    label = f"{Path(model.name).name} ({model.decoder_sha256[:12]})"
    record(plan, label)
    for content in plan.contents[rank::ranks]:
        features: Features | None = None
        for result in plan.results(content):
            path = plan.output_folder / result.output
            if path.exists():
                yield Outcome(result, "found")
                continue
            try:
                if features is None:
                    features = _encoded(model, plan, content, path)
                style = styles[result.style]
            except InputError as error:
                yield Outcome(result, "skipped", str(error))
                continue
            picture = decode(model, transfer(features, style, alpha=result.alpha))[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            write_picture(path, picture)
            yield Outcome(result, "written")


class _Styles:
    """The styles of a plan. Pictures are encoded when first asked for and then kept, two numbers
    for each channel."""

    def __init__(self, model: Model, plan: Plan) -> None:
        self._model = model
        self._sources = plan.styles
        self._shorter_side = plan.options.style_size
        self._pictures: dict[Path, Style] = {}
        for source in plan.styles.values():
            if source.style is not None:
                check_same_encoder(
                    **{"the model": model.identity, str(source): source.style.encoder}
                )

    def __getitem__(self, name: str) -> Style:
        """One style.

        Raises:
            InputError: its picture cannot be read.
        """
        source = self._sources[name]
        if source.style is not None:
            return source.style
        if source.path not in self._pictures:
            picture = read_picture(source.path)
            style = style_of(self._model, picture, shorter_side=self._shorter_side)
            self._pictures[source.path] = style
        return self._pictures[source.path]


def _encoded(model: Model, plan: Plan, content: str, output: Path) -> Features:
    """Features of a content that is to become this file."""
    picture = read_picture(plan.content_folder / content)
    height, width = picture.shape[1:3]
    check_writable(output, scaled_size((height, width), plan.options.size))
    return encode(model, picture, shorter_side=plan.options.size)
