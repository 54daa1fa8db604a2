"""The graphs of the example workflows, as `build_workflows.py` reads them.

Nodes stand in columns, and a column is a titled group in the UI. Widgets that are not named keep
their defaults. All pictures come with this repository, so that the graphs run anywhere.
"""

from __future__ import annotations

from workflow_basics import alpha, basic, film, image_nodes, stylize
from workflow_masks import strength_map, style_mask, three_regions, two_regions
from workflow_mixtures import color, four_styles, interpolation_square, style_bank

GRAPHS = (
    basic,
    alpha,
    strength_map,
    four_styles,
    interpolation_square,
    style_bank,
    two_regions,
    three_regions,
    style_mask,
    color,
    image_nodes,
    stylize,
    film,
)
"""Every example workflow."""
