"""The graphs of the example workflows, as `build_workflows.py` reads them.

Nodes stand in columns, and a column is a titled group in the UI. Widgets that are not named keep
their defaults. All pictures come with this repository, so that the graphs run anywhere.
"""

from __future__ import annotations

from workflow_parts import Graph


def basic() -> Graph:
    """Every step of the method once."""
    graph = Graph(
        "adain-basic",
        "## AdaIN step by step\n\n"
        "The content keeps its shapes and takes the colours and strokes of the style.\n\n"
        "- **alpha** of *AdaIN*: strength of the style. Changing it re-runs only AdaIN and what "
        "follows.\n"
        "- **shorter_side** of *Encode style*: size of the strokes. A larger style picture gives "
        "larger strokes; 0 takes it as it is.\n"
        "- Replace *Content* and *Style* by **Load Image** for pictures of your own. The result "
        "has the content's size.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-pavilion.jpg", "Content")
    style = start.picture("style-swirls.jpg", "Style")
    encode = graph.column("Encode")
    content_features = encode.add(
        "AdaINEncode", "Encode content", row=1, model=model, image=content
    )
    style_features = encode.add(
        "AdaINEncode", "Encode style", model=model, image=style, shorter_side=512
    )
    statistics = encode.add("AdaINStyle", features=style_features)
    transfer = graph.column("AdaIN and decode")
    styled = transfer.add("AdaINTransfer", row=1, content=content_features, style=statistics)
    image = transfer.add("AdaINDecode", model=model, features=styled)
    graph.results = [graph.column("Result").save(image, row=1)]
    graph.insets = [content, style]
    return graph


def alpha() -> Graph:
    """One encoding, three strengths."""
    graph = Graph(
        "adain-alpha",
        "## Three strengths\n\n"
        "Content and style are encoded once; each branch applies the style with another "
        "**alpha**.\n\n"
        "- 0 reproduces the content, 1 is the full style.\n"
        "- Turn one **alpha** and run again: only its branch is computed anew.\n"
        "- For portraits, 0.5 to 0.7 keeps the face.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-cat.jpg", "Content", row=2)
    style = start.picture("style-poppies.jpg", "Style", row=4)
    encode = graph.column("Encode once")
    content_features = encode.add(
        "AdaINEncode", "Encode content", row=2, model=model, image=content
    )
    style_features = encode.add(
        "AdaINEncode", "Encode style", row=4, model=model, image=style, shorter_side=512
    )
    statistics = encode.add("AdaINStyle", features=style_features)
    transfer = graph.column("AdaIN and decode")
    results = graph.column("Results")
    for index, strength in enumerate((0.3, 0.6, 1.0)):
        label = f"alpha {strength}"
        styled = transfer.add(
            "AdaINTransfer",
            f"AdaIN, {label}",
            content=content_features,
            style=statistics,
            alpha=strength,
        )
        image = transfer.add("AdaINDecode", f"Decode, {label}", model=model, features=styled)
        graph.results.append(results.save(image, f"Result, {label}", row=2 * index))
    return graph


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


def two_regions() -> Graph:
    """Spatial control."""
    graph = Graph(
        "adain-two-regions",
        "## A style for each region\n\n"
        "The person gets one style, the background another; *AdaIN Spatial Mask* puts them "
        "together before the decoder, so that there is no seam.\n\n"
        "- White in a mask means here. *Invert Mask* makes the background's mask.\n"
        "- **alpha** of each *AdaIN*: strength in its region.\n"
        "- **mask_statistics**: *region* uses the full range of a style in its region, *image* "
        "keeps the regions' relative brightness.\n"
        "- **apply_mask** is off: *AdaIN Spatial Mask* applies the masks, and twice would let the "
        "photograph show through their soft edges.\n"
        "- For your own picture: **Load Image**, and its mask editor.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-astronaut.jpg", "Content")
    mask = start.picture("mask-astronaut-person.png", "Mask of the person")
    person = start.picture("style-mosaic.jpg", "Style of the person")
    background = start.picture("style-wave.jpg", "Style of the background")
    encode = graph.column("Encode and mask")
    content_features = encode.add(
        "AdaINEncode", "Encode content", row=1, model=model, image=content
    )
    rest = encode.add("InvertMask", "Mask of the background", mask=mask["mask"])
    person_features = encode.add(
        "AdaINEncode", "Encode person's style", model=model, image=person, shorter_side=512
    )
    background_features = encode.add(
        "AdaINEncode", "Encode background's style", model=model, image=background, shorter_side=512
    )
    transfer = graph.column("AdaIN for each region")
    person_style = transfer.add("AdaINStyle", "Person's style", features=person_features)
    styled_person = transfer.add(
        "AdaINTransfer",
        "AdaIN, person",
        content=content_features,
        style=person_style,
        mask=mask["mask"],
        apply_mask=False,
    )
    background_style = transfer.add(
        "AdaINStyle", "Background's style", row=3, features=background_features
    )
    styled_background = transfer.add(
        "AdaINTransfer",
        "AdaIN, background",
        content=content_features,
        style=background_style,
        mask=rest,
        apply_mask=False,
    )
    compose = graph.column("Put together and decode")
    composed = compose.add(
        "AdaINSpatialMask",
        row=1,
        features_1=styled_person,
        mask_1=mask["mask"],
        features_2=styled_background,
        mask_2=rest,
        outside=content_features,
    )
    image = compose.add("AdaINDecode", row=3, model=model, features=composed)
    graph.results = [graph.column("Result").save(image, row=1)]
    graph.insets = [content, person, background]
    return graph


def image_nodes() -> Graph:
    """Together with ComfyUI's own image nodes."""
    graph = Graph(
        "adain-image-nodes",
        "## With other image nodes\n\n"
        "What comes in and out are ordinary images, so any image node fits before and after.\n\n"
        "- *Scale Image to Total Pixels*: size of the result.\n"
        "- *Image Crop*: the part of the style picture to imitate, here the sun. A detail gives "
        "coarser strokes.\n"
        "- *Image Blend* lays some of the photograph's light over the result: **blend_factor**.\n"
        "- *Image Sharpen* brings out the edges: **alpha**.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-coffee.jpg", "Content")
    style = start.picture("style-woodcut.jpg", "Style")
    prepare = graph.column("Prepare and encode")
    scaled = prepare.add(
        "ImageScaleToTotalPixels", image=content, upscale_method="lanczos", megapixels=0.5
    )
    content_features = prepare.add("AdaINEncode", "Encode content", model=model, image=scaled)
    detail = prepare.add("ImageCrop", image=style, width=352, height=352, x=128, y=24)
    style_features = prepare.add(
        "AdaINEncode", "Encode style", model=model, image=detail, shorter_side=512
    )
    transfer = graph.column("AdaIN and decode")
    statistics = transfer.add("AdaINStyle", features=style_features)
    styled = transfer.add("AdaINTransfer", content=content_features, style=statistics)
    image = transfer.add("AdaINDecode", row=3, model=model, features=styled)
    finish = graph.column("Finish")
    lit = finish.add(
        "ImageBlend", image1=image, image2=scaled, blend_factor=0.35, blend_mode="soft_light"
    )
    sharpened = finish.add("ImageSharpen", image=lit, sharpen_radius=1, sigma=1.0, alpha=0.5)
    results = graph.column("Before and after")
    results.add("PreviewImage", "Before finishing", picture_height=300, images=image)
    graph.results = [results.save(sharpened, "Finished", row=2)]
    graph.insets = [content, style]
    return graph


def stylize() -> Graph:
    """The whole graph in one node."""
    graph = Graph(
        "adain-stylize",
        "## Everything in one node\n\n"
        "*AdaIN Stylize* encodes, applies AdaIN and decodes. It takes a picture or the frames of "
        "a film, which it streams one by one.\n\n"
        "- **alpha**: strength. **style_size**: size of the strokes. **content_size**: size of the "
        "result, 0 keeps the content's.\n"
        "- The **mask** says where: here the background. Unlink it to stylise all of the "
        "picture.\n"
        "- What is masked out still passes through the decoder; *Image Composite Masked* puts the "
        "original pixels back.",
    )
    start = graph.column("Model and pictures")
    model = start.add("AdaINModelLoader")
    content = start.picture("content-astronaut.jpg", "Content")
    mask = start.picture("mask-astronaut-person.png", "Mask of the person")
    style = start.picture("style-poppies.jpg", "Style")
    stylise = graph.column("Stylise the background")
    rest = stylise.add("InvertMask", "Mask of the background", row=0, mask=mask["mask"])
    image = stylise.add("AdaINStylize", model=model, content=content, style_image=style, mask=rest)
    finish = graph.column("Put the person back")
    composite = finish.add(
        "ImageCompositeMasked", destination=image, source=content, mask=mask["mask"]
    )
    graph.results = [graph.column("Result").save(composite)]
    graph.insets = [content, style]
    return graph


GRAPHS = (basic, alpha, four_styles, two_regions, image_nodes, stylize)
"""Every example workflow."""
