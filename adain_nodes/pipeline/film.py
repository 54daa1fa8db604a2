"""Films: frames are encoded, transferred and decoded one after the other, so that the features of
a film are never all in memory. A picture is a film of one frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor

from ..host.errors import InputError
from ..host.threads import behind
from ..models.model import Model
from .checks import check_picture
from .colors import result_for
from .engine import Report, cells, decode_one, encode_one
from .film_options import FilmOptions
from .look import Look
from .objective import STEP_WORK, Objective, Region
from .refine import STYLE_WEIGHT, last, refined
from .rows import computed
from .scaling import scaled
from .steadiness import Steadied
from .target import Target
from .types import Features


def check_passes(frames: Iterable[Tensor], options: FilmOptions) -> None:
    """Checks that frames can be gone through as often as options need it.

    Raises:
        InputError: they cannot.
    """
    if options.passes > 1 and isinstance(frames, Iterator):
        raise InputError(
            "shared statistics go through the frames twice, and an iterator gives them once: give "
            "a sequence, or take smoothed"
        )


def stylized_looks(
    model: Model,
    frames: Iterable[Tensor],
    looks: Sequence[Look],
    options: FilmOptions,
    report: Report,
    *,
    checked: bool = False,
) -> Iterator[list[Tensor]]:
    """Gives a film of any length several looks, each frame encoded but once for all of them.

    Args:
        model: what to use.
        frames: pictures of one size, each [H,W,C] in 0..1, RGB, RGBA or grey; see `check_passes`.
            A frame that is the same object as the one before it is not encoded anew.
        looks: at least one, each checked by `Look.check`.
        options: how.
        report: told of every band, in cells; see `work_of`.
        checked: whether the frames have been through `checks.check_picture` as a batch.

    Yields:
        For each frame its looks in their order, [H,W,3 or 4], fp32 in 0..1, as soon as they are
        done.

    Raises:
        InputError: as the film goes on: there are no frames, or one is not a picture or is of
            another size than the first.
    """
    return _Film(model, frames, options, report, checked).stylized(looks)


def work_of(size: Sequence[int], frames: int, looks: int, options: FilmOptions) -> int:
    """Cells to encode, to decode and to refine, see `engine.cells`, for so many frames of this
    height and width in px."""
    encodings = options.passes + looks
    if options.refine:
        # The statistics of each frame are measured for each look.
        encodings += looks * (options.passes + STEP_WORK * (options.refine + 1))
    return frames * encodings * cells(size, options.content_size)


class _Film:
    """A film on its way through the networks."""

    def __init__(
        self,
        model: Model,
        frames: Iterable[Tensor],
        options: FilmOptions,
        report: Report,
        checked: bool,
    ) -> None:
        self._model = model
        self._frames = frames
        self._options = options
        self._report = report
        self._checked = checked

    def stylized(self, looks: Sequence[Look]) -> Iterator[list[Tensor]]:
        targets = [Target(look, self._options, self._report) for look in looks]
        if self._options.frame_statistics == "shared":
            for index, (_, features) in enumerate(self._encoded()):
                for target in targets:
                    target.count(index, features)
        steadied = Steadied(self._options.steadiness)

        def finished(made: tuple[int, Tensor, list[Tensor]]) -> list[Tensor]:
            index, frame, fresh = made
            results = steadied.follow(frame, fresh)
            for place, target in enumerate(targets):
                result = result_for(frame[None], results[place][None], self._options.preserve_color)
                results[place] = target.with_outside(index, frame, result[0])
            return results

        decoded = self._decoded(targets)
        # Without motion to follow, finishing takes no time to speak of.
        yield from behind(finished, decoded) if self._options.steadiness else map(finished, decoded)

    def _decoded(self, targets: Sequence[Target]) -> Iterator[tuple[int, Tensor, list[Tensor]]]:
        """The number of each frame from 0, the frame, and what the networks make of it."""
        for index, (frame, features) in enumerate(self._encoded()):
            results = []
            for target in targets:
                rows, regions = target.goal(index, features)
                result = decode_one(self._model, features, rows, self._report)
                if self._options.refine:
                    shares = target.shares(index, features.size)
                    goal = computed(features, rows)
                    result = self._refined(goal, regions, result, behind=frame, shares=shares)
                results.append(result[0])
            yield index, frame, results

    def _refined(
        self,
        goal: Features,
        regions: Sequence[Region],
        result: Tensor,
        *,
        behind: Tensor,
        shares: Tensor | None,
    ) -> Tensor:
        """A decoded frame, [1,H,W,3 or 4], with its colours refined."""
        objective = Objective(self._model, goal.values, regions, STYLE_WEIGHT, self._report)
        under, _ = scaled(behind[None].to(result.device), goal.size)
        way = refined(objective, result[..., :3], self._options.refine, behind=under, shares=shares)
        result[..., :3] = last(way)
        return result

    def _encoded(self) -> Iterator[tuple[Tensor, Features]]:
        """Each frame, and its features."""
        size = self._options.content_size
        first: Tensor | None = None
        previous: Tensor | None = None
        for number, frame in enumerate(self._frames, 1):
            if not self._checked:
                check_picture(frame[None], f"frame {number}")
            first = frame if first is None else first
            if frame.shape[:2] != first.shape[:2]:
                raise InputError(
                    f"frame {number} is of {_size(frame)} px, the first of {_size(first)}: the "
                    "frames of a film must be of one size"
                )
            if frame is previous:
                self._report(cells(frame.shape[:2], size))
            else:
                features = encode_one(self._model, frame[None], size, self._report)
            previous = frame
            yield frame, features
        if first is None:
            raise InputError("the film has no frames")
        self._checked = True  # they are the same in the next pass


def _size(frame: Tensor) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"
