"""Graphs of several styles, and of the colours of one."""

from __future__ import annotations

from workflow_parts import Graph, Node

CORNERS = {
    "Top left": "geometry",
    "Top right": "swirls",
    "Bottom left": "ink-wash",
    "Bottom right": "poppies",
}


def four_styles() -> Graph:
    """A mixture of styles."""
    graph = Graph(
        "adain-four-styles",
        "## A mixture of four styles\n\n"
        "*AdaIN Interpolate Styles* mixes statistics, so more styles cost nothing per pixel.\n\n"
        "- Turn **weight_1** to **weight_4**: only their ratio counts, 0 leaves a style out.\n"
        "- Changing weights re-runs the mixture, AdaIN and the decoder; no picture is encoded "
        "again.\n"
        "- For more than four styles feed the mixture into a further node.",
    )
    names = ("wave", "stained-glass", "swirls", "poppies")
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-dahlia.jpg", "Content")
    styles = [start.picture(f"style-{name}.jpg", f"Style {name}") for name in names]
    encode = graph.column("Encode")
    content_features = encode.add(
        "AdaINEncode", "Encode content", row=1, model=model, image=content
    )
    encoded = [
        encode.add("AdaINEncode", f"Encode {name}", model=model, image=style, shorter_side=512)
        for name, style in zip(names, styles, strict=True)
    ]
    measure = graph.column("Style statistics")
    measured = [
        measure.add("AdaINStyle", f"Style of {name}", row=row, features=features)
        for row, (name, features) in enumerate(zip(names, encoded, strict=True), 2)
    ]
    mix = graph.column("Mix and apply")
    mixture = mix.add(
        "AdaINInterpolateStyles",
        row=1,
        style_1=measured[0],
        weight_1=1.0,
        style_2=measured[1],
        weight_2=1.0,
        style_3=measured[2],
        weight_3=1.0,
        style_4=measured[3],
        weight_4=1.0,
    )
    styled = mix.add("AdaINTransfer", row=3, content=content_features, style=mixture)
    image = mix.add("AdaINDecode", row=5, model=model, features=styled)
    graph.results = [graph.column("Result").save(image, row=1)]
    graph.insets = styles
    return graph


def interpolation_square() -> Graph:
    """Four styles at the corners, mixtures between (figure 8 of the paper)."""
    graph = Graph(
        "adain-interpolation-square",
        "## A square of four styles\n\n"
        "A style in each corner, and mixtures between them, as in figure 8 of the paper.\n\n"
        "- *Stack* puts three styles into a row, a bank. The middle row mixes two banks, style by "
        "style.\n"
        "- *AdaIN Stylize* makes a picture with each style of a bank.\n"
        "- *Image Stitch* joins rows, then columns.\n"
        "- Turn the **weights**: 3 to 1 moves the middle towards a corner.\n"
        "- **content_size**: size of a single picture.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-astronaut.jpg", "Content")
    pictures = [start.picture(f"style-{name}.jpg", place) for place, name in CORNERS.items()]
    encode = graph.column("Encode")
    measure = graph.column("Style statistics")
    styles = []
    for row, (place, picture) in enumerate(zip(CORNERS, pictures, strict=True), 2):
        features = encode.add(
            "AdaINEncode",
            f"Encode {place.lower()}",
            row=row,
            model=model,
            image=picture,
            shorter_side=512,
        )
        styles.append(measure.add("AdaINStyle", place, row=row, features=features))
    top_left, top_right, bottom_left, bottom_right = styles
    mix = graph.column("Three rows of three styles")
    middles = [
        mix.add("AdaINInterpolateStyles", title, row=row, style_1=left, style_2=right)
        for title, row, left, right in (
            ("Top middle", 1, top_left, top_right),
            ("Bottom middle", 5, bottom_left, bottom_right),
        )
    ]
    top = mix.add(
        "AdaINStackStyles",
        "Top row",
        row=2,
        style_1=top_left,
        style_2=middles[0],
        style_3=top_right,
    )
    bottom = mix.add(
        "AdaINStackStyles",
        "Bottom row",
        row=4,
        style_1=bottom_left,
        style_2=middles[1],
        style_3=bottom_right,
    )
    middle = mix.add("AdaINInterpolateStyles", "Middle row", row=3, style_1=top, style_2=bottom)
    stylise = graph.column("Stylise")
    rows = [
        stylise.add(
            "AdaINStylize",
            title,
            row=row,
            model=model,
            content=content,
            style=bank,
            content_size=256,
        )
        for title, row, bank in (
            ("Top row", 1, top),
            ("Middle row", 3, middle),
            ("Bottom row", 5, bottom),
        )
    ]
    below = graph.column("Below each other")
    columns: Node = rows[0]
    for row in rows[1:]:
        columns = below.add(
            "ImageStitch",
            row=None if below.nodes else 3,
            image1=columns,
            image2=row,
            direction="down",
        )
    cut = graph.column("Three columns")
    pieces = [
        cut.add("ImageFromBatch", title, row=row, image=columns, batch_index=index, length=1)
        for index, (title, row) in enumerate((("Left", 1), ("Middle", 3), ("Right", 5)))
    ]
    beside = graph.column("Side by side")
    square: Node = pieces[0]
    for piece in pieces[1:]:
        square = beside.add(
            "ImageStitch",
            row=None if beside.nodes else 3,
            image1=square,
            image2=piece,
            direction="right",
        )
    graph.results = [graph.column("Result").save(square, row=3)]
    return graph


def style_bank() -> Graph:
    """Several styles at once, kept in a file."""
    graph = Graph(
        "adain-style-bank",
        "## A bank of styles\n\n"
        "*AdaIN Stack Styles* puts styles into a bank. One content and a bank of four give four "
        "pictures; the content is encoded once.\n\n"
        "- *Save AdaIN Style* keeps the bank in models/adain_styles, with small pictures of what "
        "it does. *Load AdaIN Style* brings it back: press R to see new files.\n"
        "- For more than four styles, stack banks.\n"
        "- A batch of four contents is paired with the four styles.",
    )
    names = ("woodcut", "pointillism", "watercolour", "geometry")
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-cat.jpg", "Content")
    pictures = [start.picture(f"style-{name}.jpg", f"Style {name}") for name in names]
    encode = graph.column("Encode")
    content_features = encode.add(
        "AdaINEncode", "Encode content", row=1, model=model, image=content
    )
    features = [
        encode.add("AdaINEncode", f"Encode {name}", model=model, image=picture, shorter_side=512)
        for name, picture in zip(names, pictures, strict=True)
    ]
    measure = graph.column("Style statistics")
    styles = [
        measure.add("AdaINStyle", f"Style of {name}", row=row, features=each)
        for row, (name, each) in enumerate(zip(names, features, strict=True), 2)
    ]
    stack = graph.column("Stack")
    bank = stack.add(
        "AdaINStackStyles",
        row=2,
        style_1=styles[0],
        style_2=styles[1],
        style_3=styles[2],
        style_4=styles[3],
    )
    transfer = graph.column("AdaIN and decode")
    styled = transfer.add("AdaINTransfer", row=1, content=content_features, style=bank)
    images = transfer.add("AdaINDecode", row=3, model=model, features=styled)
    results = graph.column("Results")
    graph.results = [results.save(images, "A picture in each style", row=1)]
    results.add(
        "AdaINSaveStyle", "Keep the bank", row=4, style=bank, preview=images, filename_prefix="bank"
    )
    return graph


def color() -> Graph:
    """The content's own colours, kept in two ways."""
    graph = Graph(
        "adain-color",
        "## The content's own colours\n\n"
        "Two ways to take the strokes of a style and leave its colours, and the result of "
        "neither.\n\n"
        "- *Before*: the style picture is recoloured to the content, then encoded. The colours "
        "are the content's, but may go to other places.\n"
        "- *After*: the result keeps its brightness and takes the colour of each pixel from the "
        "content.\n"
        "- **method** of *Before*: *linear*, *coral*, *mean_std* and *histogram*. **strength**: "
        "how far to go.\n"
        "- *AdaIN Stylize* does either by its **preserve_color**.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    style = start.picture("style-swirls.jpg", "Style")
    content = start.picture("content-coffee.jpg", "Content", row=3)
    recolor = graph.column("Colours before")
    recolored = recolor.add(
        "AdaINMatchColor",
        "Before: recolour the style",
        row=1,
        image=style,
        reference=content,
        method="linear",
    )
    encode = graph.column("Encode")
    measure = graph.column("Style statistics")
    features = [
        encode.add("AdaINEncode", title, row=row, model=model, image=image, shorter_side=size)
        for title, row, image, size in (
            ("Encode recoloured style", 1, recolored, 512),
            ("Encode content", 2, content, 0),
            ("Encode style", 3, style, 512),
        )
    ]
    transfer = graph.column("AdaIN and decode")
    images = []
    for title, row, encoded in (("Before", 1, features[0]), ("After", 3, features[2])):
        statistics = measure.add("AdaINStyle", f"{title}: style", row=row, features=encoded)
        styled = transfer.add(
            "AdaINTransfer", f"{title}: AdaIN", row=row, content=features[1], style=statistics
        )
        images.append(transfer.add("AdaINDecode", f"{title}: decode", model=model, features=styled))
    finish = graph.column("Colours after")
    kept = finish.add(
        "AdaINMatchColor",
        "After: take the content's colours",
        row=3,
        image=images[1],
        reference=content,
        method="luminance",
    )
    results = graph.column("Results")
    graph.results = [
        results.save(image, title, row=row)
        for title, row, image in (
            ("Before encoding", 1, images[0]),
            ("After decoding", 3, kept),
            ("Neither: the style's colours", 4, images[1]),
        )
    ]
    graph.insets = [content, style]
    return graph
