from __future__ import annotations

from adain_nodes.files.tables import table


def test_a_table_reads_as_markdown_and_as_it_is() -> None:
    text = table(("model", "loss"), [("adain-vgg16", "0.1"), ("b", 12)])
    assert text.splitlines() == [
        "| model       | loss |",
        "|-------------|-----:|",
        "| adain-vgg16 |  0.1 |",
        "| b           |   12 |",
    ]
