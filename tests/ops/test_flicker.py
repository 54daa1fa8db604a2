from __future__ import annotations

import torch

from adain_nodes.ops.flicker import flicker


def test_a_film_that_stands_still_has_none() -> None:
    frames = torch.rand(1, 5, 6, 3).expand(4, -1, -1, -1)
    assert flicker(frames).tolist() == [0, 0, 0]


def test_it_is_the_mean_absolute_difference_of_neighbours() -> None:
    frames = torch.rand(3, 5, 6, 3, dtype=torch.float64)
    expected = [abs(frames[t + 1].numpy() - frames[t].numpy()).mean() for t in range(2)]
    torch.testing.assert_close(flicker(frames), torch.tensor(expected, dtype=torch.float64))


def test_motion_of_whole_pixels_is_compensated() -> None:
    """A window that wanders over a picture; what is new at its edge does not count."""
    picture = torch.rand(20, 30, 3)
    frames = torch.stack([picture[t : t + 9, 10 - 3 * t : 22 - 3 * t] for t in range(3)])
    motion = torch.tensor([3.0, -1.0]).expand(2, 9, 12, 2)
    assert flicker(frames, motion).max() < 1e-5
    assert flicker(frames).min() > 0.1


def test_a_part_of_a_pixel_is_interpolated() -> None:
    ramp = torch.arange(8.0).expand(2, 3, 8)[..., None]
    moved = ramp.clone()
    moved[1] -= 0.25
    motion = torch.tensor([0.25, 0.0]).expand(1, 3, 8, 2)
    visible = torch.zeros(1, 3, 8)
    visible[..., 2:-2] = 1  # the border repeats, and is no ramp
    assert flicker(moved, motion, visible).item() < 0.05
    assert flicker(moved, visible=visible).item() == 0.25


def test_details_finer_than_linear_interpolation_are_kept() -> None:
    """A wave of 5 px that moves by half of one: linear values would lose a fifth of it."""
    columns = torch.arange(40.0)
    wave = torch.stack([torch.sin(0.4 * torch.pi * (columns - step)) for step in (0, 0.5)])
    frames = wave[:, None, :, None].expand(-1, 4, -1, 3)
    motion = torch.tensor([0.5, 0.0]).expand(1, 4, 40, 2)
    assert flicker(frames, motion).item() < 0.06


def test_motion_is_to_the_pixel_of_each_frame() -> None:
    """Against a loop that follows every pixel of the later frame back."""
    frames = torch.rand(2, 4, 5, 2)
    motion = torch.randint(-2, 3, (1, 4, 5, 2)).float()
    visible = torch.randint(0, 2, (1, 4, 5)).float()
    differences = []
    for row in range(4):
        for column in range(5):
            x = column - int(motion[0, row, column, 0])
            y = row - int(motion[0, row, column, 1])
            if 0 <= x < 5 and 0 <= y < 4 and visible[0, row, column]:
                difference = (frames[1, row, column] - frames[0, y, x]).abs().mean()
                differences.append(difference.item())
    expected = sum(differences) / len(differences)
    torch.testing.assert_close(flicker(frames, motion, visible), torch.tensor([expected]))


def test_what_was_hidden_does_not_count() -> None:
    frames = torch.rand(2, 4, 5, 3)
    frames[1, :, 2:] = frames[0, :, 2:]
    visible = torch.zeros(1, 4, 5)
    assert flicker(frames, visible=visible).tolist() == [0]
    visible[:, :, 2:] = 1
    assert flicker(frames, visible=visible).tolist() == [0]
    visible[:, :, 1] = 1
    assert flicker(frames, visible=visible).item() > 0.01
